# Test kernels and the doors that judge.

# The test kernel is the same link with the in-kernel tests of its stages in it.
lab_numbers := $(foreach l,$(lab_prefix),$(firstword $(subst -, ,$l)))
KTEST_IMAGE := $(IMAGE:.elf=-ktest.elf)
KTEST_SOURCES := $(wildcard grader/ktest/ktest.c) $(foreach f,$(wildcard grader/ktest/[0-9][0-9]_*.c grader/hidden/[0-9][0-9]_*.c),\
	$(if $(filter $(lab_numbers),$(firstword $(subst _, ,$(notdir $f)))),$f))
KTEST_OBJECTS := $(patsubst %,$(O)/%.o,$(KTEST_SOURCES))
$(eval $(call kernel_image,$(KTEST_IMAGE),$(OBJECTS) $(KTEST_OBJECTS)))
-include $(KTEST_OBJECTS:=.d)

#@   make ktest [LAB=NN]     build the test kernel: the prefix with the in-kernel tests of its stages
#@   make check              the layer checker on the full kernel, without running anything
#@   make matrix             every prefix against the tests of all its stages
#@   make campaign           long random work: KIND=calls|code|files|signals|storms|cpio|images|chaos|net|all SEED=n TIME=seconds SMP=2 DEBUG=1
#@   make crashtest          power cuts of an ext4 disk, rebuilt from a record of all writes: CUTS=n SEED=n MODE=e2fsck|ours|again|all KEEP=dir
#@   make fuzz               pure parts under libFuzzer on this machine: PART=elf|cpio|...|all TIME=seconds SEED=n CASE=file
#@   make bench              how fast, beside Linux: ROW=name,name PART=rows,scale,parallel,footprint,disk,net,jobs,boot ROUNDS=n KEEP=1
#@                           with KEEP=1 the book gets these figures; with DEBUG=1: how many times more instructions the checking kernel needs
#@   make bench-check        our instructions against the baseline that is kept (make bench-baseline writes it)
#@   make bench-profile ROW=name   where the instructions of a row go
#@   make grade LAB=NN       grade the work in labs/ for one lab; also FROM= DEBUG=1 SEED=n CHALLENGE=name RESULTS=file.json V=1
#@                           TEST=name runs one test, and GDB=1 stops in it
#@   make selftest           the graders judged: reference, skeletons, all wrong solutions; also LAB=NN SHORT=1 RUNS=n (with the machine loaded)
#@   make mutate LAB=NN      how many mechanical mistakes in the lab's files the graders notice: COUNT=n SEED=n FILE=name JOBS=n
.PHONY: selftest mutate do-selftest do-mutate ktest ktest-path check test do-prepare do-test grade do-grade matrix bench bench-check bench-baseline bench-profile campaign crashtest fuzz
ktest: $(KTEST_IMAGE)
ktest-path:
	@echo $(KTEST_IMAGE)

check: $(OBJECTS)
	@$(PYTHON3) kernel/tools/check_layers.py $(O)

PYTEST = cd grader && SWITCHBACK_BUILD=$(BUILD) SWITCHBACK_DEBUG=$(DEBUG) PYTHONDONTWRITEBYTECODE=1 exec env -u DEBUG -u MAKEFLAGS -u MAKEOVERRIDES /usr/bin/python3
# One more than there are CPUs: now and then a test waits for its guest's timers. Guests want memory, so not too many.
PYTEST_JOBS ?= $(shell n=$$(($$(nproc) + 1)); echo $$((n < 9 ? n : 9)))
test:
	@$(SETUP) kernel qemu iso alpine newlib clang fuzz test sandbox parallel disk || { echo '0 passed, 1 failed'; exit 1; }
	@$(MAKE) -s do-prepare || { echo 'What the tests need could not be built: they were not run.'; echo '0 passed, 1 failed'; exit 1; }
	@$(MAKE) -s do-test
# What most tests need, built once before them, so that what is wrong with it is told once.
do-prepare:
	@echo 'building: the kernel, newlib, user programs, root file systems'
	@$(MAKE) -s -j2 kernel >/dev/null
	@$(MAKE) -s -j2 -f user/user.mk BUILD=$(BUILD) user-tests user-bin
	@$(MAKE) -s -f rootfs/rootfs.mk BUILD=$(BUILD) newlib.cpio.gz busybox.cpio.gz
# T=words narrows it down: make test T='-k vfs', T=labs/test_03_interrupts.py
do-test:
	@$(PYTEST) -m pytest -c pytest.ini --rootdir . --confcutdir . -n $(PYTEST_JOBS) --dist loadgroup $(if $(filter 1,$(DEBUG)),--timeout 1200) $(T)

matrix:
	@$(SETUP) kernel qemu newlib test
	@$(MAKE) -s do-test T=matrix

RESULTS ?= $(BUILD)/grade/lab$(lab_number).json
grade_words = $(if $(filter command,$(origin FROM)),--from $(FROM)) $(if $(filter-out labs,$(LABS)),--labs $(LABS)) $(if $(TEST),--test '$(TEST)') \
	$(if $(CHALLENGE),--challenge '$(CHALLENGE)') $(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(GDB)),--gdb) --results '$(abspath $(RESULTS))' \
	$(if $(filter 1,$(V)),-v)
grade:
	@$(SETUP) kernel qemu newlib test $(if $(filter 1,$(lab_number:0%=%)),iso) $(if $(filter 10,$(lab_number)),disk) $(if $(filter 1,$(GDB)),gdb)
	@$(MAKE) do-grade
do-grade:
ifeq ($(strip $(LAB)),)
	@echo 'make grade LAB=NN: which lab?' >&2; exit 1
else
	@$(PYTEST) -m harness.main $(lab_number) $(grade_words)
endif

selftest mutate:
	@$(SETUP) kernel qemu iso alpine newlib disk skeletons test
	@$(MAKE) -s do-$@
do-selftest:
	@$(PYTEST) -m harness.selftest $(if $(LAB),--lab $(lab_number)) $(if $(RUNS),--runs $(RUNS)) $(if $(filter 1,$(SHORT)),--short) $(if $(NAME),--name '$(NAME)')
do-mutate:
ifeq ($(strip $(LAB)),)
	@echo 'make mutate LAB=NN: which lab?' >&2; exit 1
else
	@$(PYTEST) -m harness.mutate $(lab_number) $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(FILE),--file '$(FILE)') $(if $(JOBS),--jobs $(JOBS))
endif

bench bench-check bench-baseline bench-profile:
	@$(SETUP) kernel qemu alpine newlib $(if $(filter bench,$@),linux)
	@$(MAKE) -s -j2 kernel DEBUG=0 >/dev/null
	@$(if $(filter 1,$(DEBUG)),$(MAKE) -s -j2 kernel DEBUG=1 >/dev/null)
	@BUILD=$(BUILD) grader/bench/run $(patsubst bench-%,%,$@) $(if $(filter 1,$(DEBUG)),--debug $(BUILD)/switchback-debug.elf) $(if $(ROW),--row $(ROW)) $(if $(PART),--part $(PART)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(filter 1,$(KEEP)),--keep)

campaign:
	@$(SETUP) kernel qemu busybox newlib test
	@SWITCHBACK_BUILD=$(BUILD) KIND=$(KIND) SEED=$(SEED) TIME=$(TIME) SMP=$(SMP) DEBUG=$(DEBUG) ONLY='$(ONLY)' WORKERS=$(WORKERS) FRAMES=$(FRAMES) BOOTS=$(BOOTS) /usr/bin/python3 grader/campaign/run.py

crashtest:
	@$(SETUP) kernel qemu newlib test disk
	@SWITCHBACK_BUILD=$(BUILD) CUTS=$(CUTS) SEED=$(SEED) MODE=$(MODE) KEEP=$(KEEP) /usr/bin/python3 grader/crash/run.py

fuzz:
	@$(SETUP) fuzz
	@SWITCHBACK_BUILD=$(BUILD) PART=$(PART) SEED=$(SEED) TIME=$(TIME) CASE=$(CASE) /usr/bin/python3 grader/fuzz/run.py
