# Compiling and linking the kernel.
#
# An object is built once for each source and flavour (compiler, DEBUG) and lies in BUILD/obj/FLAVOUR/ at the path of its
# source; a prefix is only a link of such objects. What belongs to a subsystem is what lies in its folder: there is no
# list of sources.

ifeq ($(origin CC),default)
  CC := gcc
endif
compiler := $(if $(findstring clang,$(CC)),clang,gcc)
FLAVOUR := $(compiler)$(if $(filter 1,$(DEBUG)),-debug)
O := $(BUILD)/obj/$(FLAVOUR)
GEN := $(O)/gen
LD := ld
NM := nm
PYTHON3 ?= /usr/bin/python3 -I

# The image: build/switchback.elf for the full kernel, and a folder of its own for anything else.
image_suffix := $(if $(filter clang,$(compiler)),-clang)$(if $(filter 1,$(DEBUG)),-debug)$(if $(EMBED),-embed)
ifeq ($(VARIANT),)
  IMAGE := $(BUILD)/switchback$(image_suffix).elf
else
  IMAGE := $(BUILD)/$(VARIANT)$(image_suffix)/switchback.elf
endif

# --- flags ----------------------------------------------------------------------------------------------------------

KCPPFLAGS := -Ikernel/include -Ikernel -I$(GEN) -ffile-prefix-map=$(CURDIR)=.
KCFLAGS := -std=gnu11 -g -ffreestanding -fno-pic -fno-pie -m64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-strict-aliasing -fno-common -fno-omit-frame-pointer -ffunction-sections \
	-fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra \
	-Wmissing-prototypes -Wvla -Wundef
KASFLAGS := -g -ffreestanding -fno-pic -fno-pie -m64 -mcmodel=kernel -Wall -Wextra
ifeq ($(compiler),gcc)
  # A store loop in memset() must not become a call of memset().
  KCFLAGS += -fno-tree-loop-distribute-patterns
endif
ifeq ($(DEBUG),1)
  # Undefined behaviour is reported (core/ubsan.c). Packed headers are read unaligned, and per-CPU pointers and user
  # addresses are made by arithmetic that leaves their objects; a program may hand in 0, and fields of it are addressed (a read
  # of it is KASAN's to report). gcc 12 reads a volatile bool once where it checks bools.
  # A back-trace shows who called, also in the last line of a function.
  KCFLAGS += -O2 -fno-optimize-sibling-calls -DDEBUG=1
  CHECKS := -fsanitize=undefined -fno-sanitize=alignment,null,vptr,pointer-overflow,object-size,bool,enum,nonnull-attribute
  # Every access is looked up in the shadow (core/kasan.h). Red zones on the stack are written inline: the offset is part
  # of the code.
  CHECKS += -DKASAN=1 -fsanitize=kernel-address
  ifeq ($(compiler),gcc)
    CHECKS += -fasan-shadow-offset=0xdffffc0000000000 --param asan-instrumentation-with-call-threshold=0 \
	--param asan-stack=1 --param asan-globals=1 --param asan-instrument-allocas=1 -fsanitize-address-use-after-scope
  else
    CHECKS += $(addprefix -mllvm ,-asan-mapping-offset=0xdffffc0000000000 -asan-instrumentation-with-call-threshold=0 \
	-asan-stack=1 -asan-globals=1)
  endif
else
  KCFLAGS += -O2
endif
KWERROR := $(if $(filter 1,$(WERROR)),-Werror)

# In a checking kernel given layers stand between these functions, which a student may have written, and who calls them.
WRAPPED := buddy_alloc buddy_free schedule mutex_lock mutex_lock_interruptible mutex_trylock mutex_unlock rwlock_read \
	rwlock_try_read rwlock_read_done rwlock_write rwlock_write_killable rwlock_write_done syscall_dispatch raw_copy_user raw_clear_user

KLDFLAGS := -m elf_x86_64 -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none --no-warn-rwx-segments \
	$(if $(filter 1,$(DEBUG)),$(addprefix --wrap=,$(WRAPPED))) $(if $(filter distro,$(SUBSYSTEMS)),--wrap=path_lookup)

# The checkers themselves, what reports, and what reads other stacks.
UNCHECKED := $(addprefix kernel/,core/kasan.c core/kasan_report.c core/ubsan.c core/panic.c core/panic_print.c \
	core/verdict.c core/ksyms.c core/lock_check.c mm/heap_check.c)
checks_of = $(if $(filter $(UNCHECKED),$1),$(if $(CHECKS),-DKASAN=1),$(CHECKS))

# A change of flags rebuilds: every object depends on this file, which is rewritten only when its text changes.
flags_text := $(CC) $(KCPPFLAGS) $(KCFLAGS) $(CHECKS) $(KASFLAGS)
ifneq ($(filter-out help clean doctor setup kernel-path,$(or $(MAKECMDGOALS),kernel)),)
  ifneq ($(file <$(O)/flags),$(flags_text))
    $(shell mkdir -p $(GEN))
    $(file >$(O)/flags,$(flags_text))
  endif
endif

# --- sources and objects --------------------------------------------------------------------------------------------

subsystem_sources = $(filter-out %/asm_offsets.c,$(sort $(wildcard kernel/$1/*.c kernel/$1/*.S)))
SOURCES := $(foreach s,$(SUBSYSTEMS),$(call subsystem_sources,$s)) $(LAB_SOURCES)
OBJECTS := $(patsubst %,$(O)/%.o,$(SOURCES))

# The vDSO is a program of its own, inside the kernel: code for user mode, one file of it the lab's, linked to a shared object that the kernel carries as
# data. Which one, depends on where the lab's files come from.
ifneq ($(filter distro,$(SUBSYSTEMS)),)
  vdso_lab := $(filter %/distro/vdso_clock.c,$(LAB_SOURCES))
  vdso_dir := $(O)/vdso/$(vdso_lab:%/distro/vdso_clock.c=%)
  OBJECTS := $(filter-out $(vdso_lab:%=$(O)/%.o),$(OBJECTS)) $(vdso_dir)/image.o
endif

# The system call table belongs to stage 05.
SYSCALL_TBL := $(wildcard kernel/include/abi/syscalls.tbl)
ifneq ($(SYSCALL_TBL),)
  generated := $(GEN)/syscalls_gen.h
  ifneq ($(filter usermode,$(SUBSYSTEMS)),)
    OBJECTS += $(O)/gen/syscalls_gen.c.o
  endif
endif

# Assembler offsets of struct fields: kernel/SUB/asm_offsets.c becomes <SUB_offsets.h> (core/asm_offsets.h says how).
offset_sources := $(wildcard kernel/*/asm_offsets.c)
offset_headers := $(foreach f,$(offset_sources),$(GEN)/$(word 2,$(subst /, ,$f))_offsets.h)
generated += $(offset_headers)

# The folder in the kernel that a source belongs to, wherever it lies: labs/02-memory/mm/buddy.c belongs to kernel/mm.
space := $(subst ,, )
in_lab = $(filter $(LABS)/%,$1)$(filter solutions/%,$1)
without_lab = $(subst $(space),/,$(wordlist 2,99,$(subst /, ,$(patsubst solutions/%,%,$(patsubst $(LABS)/%,%,$1)))))
home_of = $(patsubst %/,%,$(dir $(if $(call in_lab,$1),kernel/$(call without_lab,$1),$1)))
source_flags = $(KCPPFLAGS) -I$(call home_of,$<) $(if $(filter solutions/%,$<),-DSOLUTION)

# In a skeleton the body that reads the parameters is still to be written.
lab_warnings = $(if $(filter $(LABS)/%,$<),-Wno-unused-parameter)

compile_c = $(CC) $(source_flags) $(KCFLAGS) $(lab_warnings) $(call checks_of,$<) $(KWERROR) -MMD -MP -MF $@.d -c -o $@ $<
compile_S = $(CC) $(source_flags) $(KASFLAGS) $(KWERROR) -MMD -MP -MF $@.d -c -o $@ $<
Q := $(if $(filter 1,$(V)),,@)
say = @printf '  %-7s %s\n' '$1' '$2'

$(O)/%.c.o: %.c $(O)/flags | $(generated)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile_c)

$(O)/%.S.o: %.S $(O)/flags | $(generated)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(compile_S)

$(GEN)/%.c.o: $(GEN)/%.c $(O)/flags | $(generated)
	$(call say,CC,$(<F))
	$(Q)$(compile_c)

$(GEN)/syscalls_gen.h: $(SYSCALL_TBL) kernel/tools/gen_syscalls.py
	$(call say,GEN,$(@F))
	@mkdir -p $(@D)
	$(Q)$(PYTHON3) kernel/tools/gen_syscalls.py $(SYSCALL_TBL) $(GEN)
$(GEN)/syscalls_gen.c: $(GEN)/syscalls_gen.h

$(offset_headers): $(GEN)/%_offsets.h: kernel/%/asm_offsets.c $(O)/flags
	$(call say,GEN,$(@F))
	@mkdir -p $(@D)
	$(Q)$(CC) $(source_flags) $(filter-out -g,$(KCFLAGS)) $(if $(CHECKS),-DKASAN=1) -MMD -MP -MF $@.d -MT $@ -S -o $@.s $<
	$(Q)sed -n 's/^.*OFFSET> *\([A-Za-z_0-9]*\) *[$$]*\(-*[0-9]*\).*/#define \1 \2/p' $@.s > $@

-include $(OBJECTS:=.d) $(offset_headers:=.d)

# --- vDSO -----------------------------------------------------------------------------------------------------------

VDSO_CFLAGS := -std=gnu11 -O2 -ffreestanding -fPIC -m64 -mgeneral-regs-only -fno-stack-protector -fno-strict-aliasing -fcf-protection=none \
	-fasynchronous-unwind-tables -Wall -Wextra
VDSO_LDFLAGS := -m elf_x86_64 -shared -Bsymbolic -soname linux-vdso.so.1 --hash-style=both --eh-frame-hdr --build-id=none -z noexecstack -z max-page-size=4096

$(O)/kernel/distro/vdso/%.c.o $(O)/%/distro/vdso_clock.c.o: KCFLAGS := $(VDSO_CFLAGS)
$(O)/kernel/distro/vdso/%.c.o $(O)/%/distro/vdso_clock.c.o: CHECKS :=

ifneq ($(vdso_dir),)
$(vdso_dir)/vdso.so: $(vdso_lab:%=$(O)/%.o) $(O)/kernel/distro/vdso/calls.c.o kernel/distro/vdso/vdso.ld
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LD) $(VDSO_LDFLAGS) -T kernel/distro/vdso/vdso.ld -o $@ $(filter %.o,$^)

$(vdso_dir)/image.o: $(vdso_dir)/vdso.so
	$(Q)printf '.section .rodata, "a"\n.globl vdso_image_start, vdso_image_end\n.balign 16\nvdso_image_start:\n.incbin "%s"\nvdso_image_end:\n.section .note.GNU-stack, "", @progbits\n' $< > $(@:.o=.s)
	$(Q)as --64 -o $@ $(@:.o=.s)
-include $(vdso_lab:%=$(O)/%.o.d) $(O)/kernel/distro/vdso/calls.c.o.d
endif

# --- link -----------------------------------------------------------------------------------------------------------

LINK_SCRIPT := kernel/boot/kernel.ld
link_inputs := $(LINK_SCRIPT) kernel/tools/link.sh kernel/tools/gen_ksyms.py kernel/tools/gen_klines.py kernel/tools/check_syscalls.py

SYSCALL_CHECK ?=
differs = $(if $(and $(findstring x$1,x$2),$(findstring x$2,x$1)),,yes)

# $(call kernel_image,image,objects): the rules for one image. The list of its objects is a file, so that it is linked
# again when a source was taken away, or another EMBED given.
define kernel_image
$1.objects: force
	@$$(if $$(call differs,$$(file <$$@),$(lab_number) $(EMBED) $2),mkdir -p $$(@D) && echo '$(lab_number) $(EMBED) $2' > $$@,:)

$1: $2 $(link_inputs) $1.objects $(EMBED)
	$$(call say,LINK,$$@)
	$$(Q)LD='$(LD)' NM='$(NM)' LDFLAGS='$(KLDFLAGS)' PYTHON3='$(PYTHON3)' EMBED='$(EMBED)' LINES_WANTED='$(filter 1,$(DEBUG))' STAGE=$(lab_number) \
		SYSCALL_CHECK='$(SYSCALL_CHECK)' SYSCALL_TBL='$(if $(filter usermode,$(SUBSYSTEMS)),$(SYSCALL_TBL))' \
		sh kernel/tools/link.sh $$@ $(LINK_SCRIPT) $2
endef
$(eval $(call kernel_image,$(IMAGE),$(OBJECTS)))
.PHONY: force
force:

.PHONY: kernel kernel-path objects
kernel: $(IMAGE)
kernel-path:
	@echo $(IMAGE)
objects: $(OBJECTS)

#@   make kernel             build the kernel image; also LAB= FROM= DEBUG=1 CC=clang EMBED=file.cpio.gz BUILD=dir
#@   make -s kernel-path     print the image's path for the same variables
#@   make objects            compile only
#@   make clean              remove what was built

.PHONY: clean
clean:
	rm -rf $(BUILD)
