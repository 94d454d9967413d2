# Booting: the ISO, QEMU, the debugger. A door first looks after its tools, then calls make again for the work, since
# what stands below may only be expanded when the tools are there.

SETUP := sh kernel/tools/setup.sh
setup_kernel := kernel $(if $(filter clang,$(compiler)),clang)

, := ,
SMP ?= 2
MEM ?= 512M
ACCEL ?= tcg
APPEND ?=
INIT ?=
QEMU ?= qemu-system-x86_64
KERNEL_DIRECT ?= 0

# What a stage can run: programs start in 06, an initramfs of files in 08, Busybox in 12, Alpine in 13.
ROOTFS ?= $(if $(filter 13,$(lab_number)),alpine,$(if $(filter 12,$(lab_number)),busybox,$(if $(filter exec,$(SUBSYSTEMS)),newlib,none)))
ifeq ($(filter $(ROOTFS),alpine busybox newlib debian none),)
  $(error ROOTFS=$(ROOTFS): must be alpine, busybox, newlib, debian or none)
endif

# DISK=alpine|busybox|newlib|debian: the root is an ext4 image that keeps its changes, in place of an initramfs. DISK=file.img takes that file.
DISK ?=
ifneq ($(DISK),)
  override ROOTFS := none
  override KERNEL_DIRECT := 1
  ifeq ($(filter $(DISK),alpine busybox newlib debian)$(filter %.img,$(DISK)),)
    $(error DISK=$(DISK): must be alpine, busybox, newlib, debian or the name of a file that ends in .img)
  endif
endif
# What the disk hangs on: virtio (/dev/vda) or nvme (/dev/nvme0n1).
DISKDEV ?= virtio
ifeq ($(filter $(DISKDEV),virtio nvme),)
  $(error DISKDEV=$(DISKDEV): must be virtio or nvme)
endif
disk_node := $(if $(filter nvme,$(DISKDEV)),nvme0n1,vda)
disk_file = $(if $(filter %.img,$(DISK)),$(DISK),$(BUILD)/rootfs/$(DISK).img)

# What QEMU would refuse is told before anything is built: a size, or a number, with QEMU's own words behind a comma.
run_doors := $(filter run gdb do-run do-gdb,$(MAKECMDGOALS))
misfit = $(if $(run_doors),$(if $(shell printf '%s\n' '$1' | grep -Exq '$2' && echo fits),,no))
ifneq ($(call misfit,$(SMP),([1-9]|[1-5][0-9]|6[0-4])(,.*)?),)
  $(error SMP=$(SMP): must be a number of processors from 1 to 64, as in SMP=4)
endif
ifneq ($(call misfit,$(MEM),[1-9][0-9]*[KMGkmg]?(,.*)?),)
  $(error MEM=$(MEM): must be a size, as in MEM=512M or MEM=2G)
endif

QEMU_CPU := $(if $(filter kvm,$(ACCEL)),host,max)
# A network card on QEMU's user network, where the kernel has a driver for it; PCAP=file keeps what goes over it.
# NIC=e1000 is Intel's card in place of virtio's.
PCAP ?=
NIC ?= virtio
NIC_virtio := virtio-net-pci$(,)disable-legacy=on
NIC_e1000 := e1000
ifeq ($(NIC_$(NIC)),)
  $(error NIC=$(NIC): must be virtio or e1000)
endif
QEMU_NET := $(if $(filter net,$(SUBSYSTEMS)),-netdev user$(,)id=net0 -device $(NIC_$(NIC))$(,)netdev=net0$(,)romfile= \
	$(if $(PCAP),-object filter-dump$(,)id=dump0$(,)netdev=net0$(,)file=$(PCAP)))
QEMU_DISK := $(if $(DISK),-drive file=$(disk_file)$(,)format=raw$(,)if=none$(,)id=disk -device $(if $(filter nvme,$(DISKDEV)),nvme$(,)serial=switchback,virtio-blk-pci)$(,)drive=disk)
# A chaos schedule is the same again only under a clock that counts instructions, which one processor can have.
QEMU_CLOCK := $(if $(findstring sched=chaos,$(APPEND)),$(if $(filter 1tcg,$(SMP)$(ACCEL)),-icount shift=0$(,)sleep=off))
QEMU_FLAGS := -accel $(ACCEL) $(QEMU_CLOCK) -cpu $(QEMU_CPU) -smp $(SMP) -m $(MEM) -nic none $(QEMU_NET) $(QEMU_DISK)
# Not -nographic: with that the BIOS repeats on the serial line what GRUB writes on the screen as well, and all comes twice.
QEMU_TERMINAL := -display none -serial mon:stdio
CMDLINE = console=tty0 console=ttyS0$(if $(QEMU_NET), ip=dhcp)$(if $(DISK), root=/dev/$(disk_node) rw)$(if $(INIT), $(if $(DISK),init,rdinit)=$(INIT))$(if $(APPEND), $(APPEND))
ISO = $(IMAGE:.elf=$(if $(filter none,$(ROOTFS)),,-$(ROOTFS)).iso)

#@   make run                variables: LAB FROM DEBUG ROOTFS=alpine|busybox|newlib INIT=/bin/sh SMP=2 MEM=512M
#@                           APPEND='quiet ...' ACCEL=kvm KERNEL_DIRECT=1 (QEMU's -kernel in place of GRUB)
#@                           PCAP=file keeps every frame of the network card, for tshark and Wireshark; NIC=virtio|e1000
#@   make iso                the image that GRUB2 boots, from BIOS and from UEFI
#@   make gdb                boot to kmain under the debugger, with ps, pagetable, vmas, locks; also GRUB=1 GDB_FLAGS='-batch -x file'
#@   make gdb-server         the same machine, waiting for a debugger at localhost:1234 (PORT=n), as editors want it
#@   make trace              what ran when, for Perfetto and as a flame graph, in build/trace; also RUN='ls -lR /' TIME=10 OUT=dir
#@   make disk               an ext4 image of a root file system, made without root: build/rootfs/alpine.img; DISK=newlib: another, DISK_SIZE=MiB
#@   make run DISK=alpine    boots it; it keeps what is changed on it; DISKDEV=nvme: as an NVMe disk
.PHONY: disk do-disk run iso gdb gdb-server trace do-run do-iso do-gdb do-gdb-server do-trace rootfs
run:
	@$(SETUP) $(setup_kernel) qemu $(if $(filter 1,$(KERNEL_DIRECT)),,iso) $(filter-out none,$(ROOTFS)) $(if $(DISK),disk $(filter-out %.img,$(DISK)))
	@$(MAKE) do-run
iso:
	@$(SETUP) $(setup_kernel) iso $(filter-out none,$(ROOTFS))
	@$(MAKE) do-iso
gdb:
	@$(SETUP) $(setup_kernel) qemu gdb $(if $(filter 1,$(GRUB)),iso) $(filter-out none,$(ROOTFS))
	@$(MAKE) do-gdb
gdb-server:
	@$(SETUP) $(setup_kernel) qemu $(if $(filter 1,$(GRUB)),iso) $(filter-out none,$(ROOTFS))
	@$(MAKE) do-gdb-server
trace:
	@$(SETUP) $(setup_kernel) qemu $(filter-out none,$(ROOTFS))
	@$(MAKE) do-trace

# Build the root file system; afterwards build/rootfs/chosen names the image, which may be Busybox's where Alpine's
# tarball cannot be had.
chosen := $(BUILD)/rootfs/chosen
disk: disk_root = $(or $(DISK),alpine)
disk:
	$(if $(filter %.img,$(disk_root)),$(error make disk makes an image of alpine, busybox, newlib or debian; make run DISK=$(disk_root) boots that file))@$(SETUP) disk $(disk_root)
	@$(MAKE) do-disk DISK=$(disk_root)
	@echo '$(BUILD)/rootfs/$(disk_root).img: make run DISK=$(disk_root) boots it, and it keeps what is changed on it; remove it to begin anew'
do-disk:
ifneq ($(filter-out %.img,$(DISK)),)
	@$(MAKE) -s -f rootfs/rootfs.mk disk-image DISK=$(DISK) BUILD=$(BUILD)
endif

rootfs:
ifneq ($(ROOTFS),none)
	@$(MAKE) -f rootfs/rootfs.mk rootfs-choose ROOTFS=$(ROOTFS) BUILD=$(BUILD)
endif

do-iso: $(IMAGE) rootfs
	@sh kernel/tools/mkiso.sh $(ISO) $(IMAGE) '$(if $(filter none,$(ROOTFS)),,$(chosen))' '$(CMDLINE)'

ifeq ($(KERNEL_DIRECT),1)
do-run: $(IMAGE) rootfs $(if $(DISK),do-disk)
	@$(QEMU) $(QEMU_FLAGS) $(QEMU_TERMINAL) -kernel $(IMAGE) $(if $(filter none,$(ROOTFS)),,-initrd "$$(cat $(chosen))") -append '$(CMDLINE)'
else
do-run: do-iso
	@$(QEMU) $(QEMU_FLAGS) $(QEMU_TERMINAL) -boot d -cdrom $(ISO)
endif

# QEMU hangs on the debugger's own pipe, so it ends with it; on a loaded machine it starts slowly. Software breaks cannot be set before paging is on.
# GRUB=1 comes through the ISO: the only way to a Multiboot2 walk.
GDB_FLAGS ?=
GRUB ?= 0
gdb_boot = $(if $(filter 1,$(GRUB)),-boot d -cdrom $(ISO),-kernel $(IMAGE) $(if $(filter none,$(ROOTFS)),,-initrd $(file <$(chosen))) -append "$(CMDLINE)")
do-gdb: $(if $(filter 1,$(GRUB)),do-iso,$(IMAGE) rootfs)
	@echo 'The console goes to $(BUILD)/gdb-console.log'
	@gdb -q $(IMAGE) -ex 'set confirm off' -ex 'set remotetimeout 60' -ex 'source kernel/tools/gdb.py' -ex 'target remote | exec $(QEMU) $(QEMU_FLAGS) -display none -serial file:$(BUILD)/gdb-console.log -monitor none -gdb stdio -S $(gdb_boot)' -ex 'hbreak kmain' -ex 'continue' $(GDB_FLAGS)

PORT ?= 1234
do-gdb-server: $(if $(filter 1,$(GRUB)),do-iso,$(IMAGE) rootfs)
	@echo '$(IMAGE) waits for a debugger at localhost:$(PORT)'
	@$(QEMU) $(QEMU_FLAGS) -nographic -gdb tcp:127.0.0.1:$(PORT) -S $(gdb_boot)

RUN ?=
TIME ?= 10
OUT ?= $(BUILD)/trace
do-trace: $(IMAGE) rootfs
	@/usr/bin/python3 kernel/tools/trace.py --image $(IMAGE) $(if $(filter none,$(ROOTFS)),,--initrd "$$(cat $(chosen))") --smp $(SMP) --mem $(MEM) \
		--accel $(ACCEL) --time $(TIME) --out '$(OUT)' $(if $(APPEND),--append '$(APPEND)') $(if $(RUN),--run '$(subst ','\'',$(RUN))')
