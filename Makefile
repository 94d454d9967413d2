# Switchback: the one front door. `make help` lists what can be asked for.
#
# Every door is: install what it needs and is missing (kernel/tools/setup.sh), then do the work. How the kernel is put
# together from kernel/ and the labs stands in kernel/tools/overlay.mk; how it is compiled and linked in
# kernel/tools/build.mk; booting it in kernel/tools/run.mk; the tests in kernel/tools/test.mk.

.DEFAULT_GOAL := kernel
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

BUILD ?= build
DEBUG ?= 0
WERROR ?= 0

# Several doors in one command are gone through one after the other, whatever -j says: behind them are makes of their own, which would
# write the same files at the same time. Inside each there is -j's work.
ifneq ($(word 2,$(MAKECMDGOALS)),)
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)
$(sort $(MAKECMDGOALS)):
	@$(MAKE) $@
else

include kernel/tools/overlay.mk
include kernel/tools/build.mk
include kernel/tools/run.mk
include kernel/tools/views.mk
include kernel/tools/test.mk
include kernel/tools/book.mk
include kernel/tools/course.mk

.PHONY: help
help:
	@sed -n 's/^#@ //p' $(MAKEFILE_LIST)

#@ Switchback: a kernel in thirteen labs, from GRUB2 to an Alpine Linux shell.
#@
#@   make run [LAB=NN]       set up, build, boot in QEMU on this terminal (Ctrl-A X leaves)
#@   make test               set up, build, all tests; the last line is the result
#@   make setup              install every tool now
#@   make doctor             the version of every tool, and what to do about it
.PHONY: setup doctor
setup:
	@sh kernel/tools/setup.sh kernel iso qemu alpine newlib gdb skeletons test
doctor:
	@sh kernel/tools/doctor.sh
endif
