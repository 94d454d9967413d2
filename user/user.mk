# User programs: the newlib port, bin/, tests/, bench/. Include this file from a Makefile, or use it alone:
#
#	make -f user/user.mk user
#
# Doors:  user (all of it), user-bin, user-tests (ONLY="NAME NAME": these), user-bench, newlib, user-check (tests on this machine's Linux)
# Output: $(BUILD)/user/{bin,tests,bench}/NAME, $(BUILD)/newlib/libc.a
# A test's head comment says how it is built and when it may run:
#	/* stage: 08; libc: musl|glibc|newlib|none; run: host+guest|guest|challenge (by a scenario alone, which believes its status) */

BUILD ?= build
USER_CC ?= gcc
MUSL_CC ?= musl-gcc

PACKAGES_newlib := gcc make binutils newlib-source xz-utils
PACKAGES_user := $(PACKAGES_newlib) musl-tools linux-libc-dev libc6-dev

user_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
user_out := $(BUILD)/user
newlib_out := $(BUILD)/newlib

user_warnings := -Wall -Wextra
user_flags := -std=gnu11 -O2 -g $(user_warnings) -ffile-prefix-map=$(abspath $(user_dir))=user
newlib_flags = $(user_flags) -nostdinc -isystem $(user_dir)/newlib/include -isystem $(newlib_out)/include \
	-idirafter $(shell $(USER_CC) -print-file-name=include) -fPIE -ffunction-sections -fdata-sections \
	-fno-stack-protector -U_FORTIFY_SOURCE -fcf-protection=none -fno-common -U__linux__ -Ulinux -Uunix
newlib_link := -nostdlib -nostartfiles -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--build-id=none

newlib_objects := $(patsubst $(user_dir)/newlib/%,$(user_out)/newlib/%.o,$(wildcard $(user_dir)/newlib/*.c) $(user_dir)/newlib/crt0.S)
.SECONDARY: $(newlib_objects)
newlib_libs = -Wl,--start-group $(newlib_out)/libc.a $(newlib_out)/libm.a -Wl,--end-group $(shell $(USER_CC) -print-libgcc-file-name)

user_test_sources := $(sort $(wildcard $(user_dir)/tests/*.c))
# "SOURCE:LIBC" of each that names one: all at once, as a shell for each of them would take longer than all else that is done when nothing is to be built.
user_libcs := $(shell awk 'FNR == 1 { told = 0 } FNR <= 10 && !told && match($$0, /libc: *[a-z]+/) { told = 1; words = substr($$0, RSTART, RLENGTH); sub(/libc: */, "", words); print FILENAME ":" words }' \
	$(user_test_sources) $(wildcard $(user_dir)/bench/*.c))
user_test_libc = $(patsubst $(1):%,%,$(filter $(1):%,$(user_libcs)))
user_programs := $(patsubst $(user_dir)/bin/%.c,$(user_out)/bin/%,$(sort $(wildcard $(user_dir)/bin/*.c)))
# One of them movable, too.
user_programs += $(user_out)/bin/hello-pie
user_tests := $(patsubst $(user_dir)/tests/%.c,$(user_out)/tests/%,$(user_test_sources))
user_bench := $(patsubst $(user_dir)/bench/%.c,$(user_out)/bench/%,$(sort $(wildcard $(user_dir)/bench/*.c)))

.PHONY: user user-bin user-tests user-bench user-check newlib
user: user-bin user-tests user-bench
user-bin: $(user_programs)
user-tests: $(if $(ONLY),$(ONLY:%=$(user_out)/tests/%),$(user_tests))
user-bench: $(user_bench)
newlib: $(newlib_out)/libc.a

# Built once and kept: what it is made from is Debian's package.
$(newlib_out)/libc.a: | $(user_dir)/newlib/build.sh
	@echo "newlib: building $(newlib_out) (about a minute, once)"
	@$(user_dir)/newlib/build.sh $(newlib_out) $(USER_CC)

$(user_out)/newlib/%.c.o: $(user_dir)/newlib/%.c $(wildcard $(user_dir)/newlib/*.h $(user_dir)/newlib/include/*.h) | $(newlib_out)/libc.a
	@mkdir -p $(@D)
	$(USER_CC) $(newlib_flags) -c -o $@ $<

$(user_out)/newlib/%.S.o: $(user_dir)/newlib/%.S
	@mkdir -p $(@D)
	$(USER_CC) $(user_flags) -c -o $@ $<

$(user_out)/bin/common/%.o: $(user_dir)/bin/common/%.c $(wildcard $(user_dir)/bin/common/*.h) | $(newlib_out)/libc.a
	@mkdir -p $(@D)
	$(USER_CC) $(newlib_flags) -c -o $@ $<

user_common := $(patsubst $(user_dir)/bin/common/%.c,$(user_out)/bin/common/%.o,$(wildcard $(user_dir)/bin/common/*.c))
.SECONDARY: $(user_common)

$(user_out)/bin/%: $(user_dir)/bin/%.c $(newlib_objects) $(user_common) $(wildcard $(user_dir)/bin/common/*.h)
	@mkdir -p $(@D)
	$(USER_CC) $(newlib_flags) -static -no-pie $(newlib_link) -o $@ $< $(user_common) $(newlib_objects) $(newlib_libs)

# The same program, movable: what the loader does with ET_DYN.
$(user_out)/bin/%-pie: $(user_dir)/bin/%.c $(newlib_objects) $(user_common)
	@mkdir -p $(@D)
	$(USER_CC) $(newlib_flags) -static-pie -Wl,-z,text $(newlib_link) -o $@ $< $(user_common) $(newlib_objects) $(newlib_libs)

musl_flags := $(user_flags) -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin -fcf-protection=none -Wno-format-truncation \
	-Wno-array-bounds -Wno-infinite-recursion -Wno-nonnull -Wno-stringop-overread -Wno-stringop-overflow -Wno-unused-result
# The rows of the kernel's table, for programs that try every call that is there.
user_calls := $(user_out)/gen/calls.h
$(user_calls): $(user_dir)/../kernel/include/abi/syscalls.tbl
	@mkdir -p $(@D)
	@awk '/^[0-9]/ && $$4 != "-" { printf "ROW(%s, %s, \"%s\")\n", $$1, $$2, $$5 }' $< >$@

USER_BUILD_musl = $(MUSL_CC) $(musl_flags) -I$(dir $(user_calls)) -static -no-pie -pthread -o $@ $(filter %.c,$^) -lpthread
USER_BUILD_glibc = $(USER_CC) $(musl_flags) -static -no-pie -pthread -o $@ $<
USER_BUILD_none = $(USER_CC) $(musl_flags) -ffreestanding -nostdlib -nostartfiles -static -no-pie -Wl,--build-id=none -o $@ $<
USER_BUILD_newlib = $(USER_CC) $(newlib_flags) -static -no-pie $(newlib_link) -o $@ $< $(newlib_objects) $(newlib_libs)

# A program of many files has them in a folder of its own name.
define user_test_rule
$(user_out)/$(2)/$(basename $(notdir $(1))): $(1) $(wildcard $(1:.c=)/*.[ch] $(user_dir)/$(2)/*.h $(user_dir)/tests/raw.h) $(if $(filter newlib,$(3)),$(newlib_objects)) $(user_calls)
	@mkdir -p $$(@D)
	$$(USER_BUILD_$(3))
endef
$(foreach source,$(user_test_sources),$(eval $(call user_test_rule,$(source),tests,$(or $(call user_test_libc,$(source)),musl))))
$(foreach source,$(sort $(wildcard $(user_dir)/bench/*.c)),$(eval $(call user_test_rule,$(source),bench,$(or $(call user_test_libc,$(source)),musl))))

user-check: user-tests
	@$(user_dir)/tests/check.sh $(user_out)/tests $(user_dir)/tests
