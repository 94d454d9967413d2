# Root file systems as initramfs images. Include this file from a Makefile, or use it alone:
#
#	make -f rootfs/rootfs.mk busybox.cpio.gz
#
# Doors:  $(BUILD)/rootfs/{newlib,busybox,alpine,debian}.cpio.gz, each also by its bare name;
#         rootfs-choose ROOTFS=name   builds the image to boot and writes its path to $(BUILD)/rootfs/chosen:
#                                     Alpine falls back to Busybox where there is neither file nor network.
# Variables: BUILD, MIRROR (a folder that holds Alpine's tarball), BUSYBOX (a static binary), ROOTFS.

BUILD ?= build
MIRROR ?= ../shared/alpine
ROOTFS ?= alpine
ROOTFS_PYTHON ?= python3

# Packages, by door: what kernel/tools/setup.sh installs for it.
PACKAGES_rootfs := python3-minimal libpython3-stdlib
PACKAGES_busybox := busybox-static
PACKAGES_busybox_src := gcc make musl-tools linux-libc-dev dpkg-dev
PACKAGES_alpine := ca-certificates

rootfs_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
rootfs_out := $(BUILD)/rootfs
BUSYBOX ?= $(or $(wildcard /bin/busybox),/usr/bin/busybox)
rootfs_abs_out = $(abspath $(rootfs_out))
rootfs_mkcpio := $(ROOTFS_PYTHON) $(rootfs_dir)/mkcpio.py
rootfs_deps := $(wildcard $(rootfs_dir)/mkcpio.py $(rootfs_dir)/common.recipe $(rootfs_dir)/etc/*)
alpine_tarball := $(shell sed 's/.* //' $(rootfs_dir)/alpine/SHA512SUMS)

.PHONY: rootfs-choose newlib.cpio.gz busybox.cpio.gz alpine.cpio.gz debian.cpio.gz debian-wide.cpio.gz debian-net.cpio.gz
newlib.cpio.gz busybox.cpio.gz alpine.cpio.gz debian.cpio.gz debian-wide.cpio.gz debian-net.cpio.gz: %: $(rootfs_out)/%

$(rootfs_out):
	@mkdir -p $@

$(rootfs_out)/busybox.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/busybox/*) | $(rootfs_out)
	@test -x $(BUSYBOX) || { echo "rootfs: $(BUSYBOX) is missing; its package is busybox-static" >&2; exit 1; }
	$(rootfs_mkcpio) -D BUSYBOX=$(abspath $(BUSYBOX)) -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/busybox/busybox.recipe

# A disk from any of them. It keeps what is changed on it, so it is made only where there is none: remove it to begin anew.
DISK_SIZE ?= 512
.PHONY: disk-image
disk-image: | $(rootfs_out)
	@test -e $(rootfs_out)/$(DISK).img || { $(MAKE) -s --no-print-directory -f $(rootfs_dir)/rootfs.mk BUILD=$(BUILD) MIRROR=$(MIRROR) $(DISK).cpio.gz && \
		PATH=$$PATH:/sbin:/usr/sbin $(ROOTFS_PYTHON) $(rootfs_dir)/mkdisk.py $(rootfs_out)/$(DISK).cpio.gz $(rootfs_out)/$(DISK).img $(DISK_SIZE); }

# The tarball's recipe always looks at the file, since a file that was verified once may be cut short later.
.PHONY: rootfs-alpine-tarball
rootfs-alpine-tarball: | $(rootfs_out)
	@$(ROOTFS_PYTHON) $(rootfs_dir)/fetch-alpine.py $(rootfs_dir)/alpine/SHA512SUMS "$(MIRROR)" $(rootfs_out)/$(alpine_tarball)

$(rootfs_out)/$(alpine_tarball): rootfs-alpine-tarball ;

$(rootfs_out)/alpine.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/alpine/*) $(rootfs_out)/$(alpine_tarball)
	$(rootfs_mkcpio) -D TARBALL=$(rootfs_abs_out)/$(alpine_tarball) -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/alpine/alpine.recipe

rootfs-choose: | $(rootfs_out)
	@$(rootfs_dir)/choose.sh $(ROOTFS) $(rootfs_out) "$(MAKE)" $(rootfs_dir)/rootfs.mk "$(BUILD)" "$(MIRROR)"

# user.mk builds the programs; a copy without the folder of common objects is what goes in.
$(rootfs_out)/newlib.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/newlib/*) $(wildcard $(rootfs_dir)/../user/bin/*.c $(rootfs_dir)/../user/bin/common/* $(rootfs_dir)/../user/newlib/*) $(rootfs_dir)/../user/user.mk | $(rootfs_out)
	@$(MAKE) -s --no-print-directory -f $(rootfs_dir)/../user/user.mk BUILD=$(BUILD) user-bin
	@rm -rf $(rootfs_out)/newlib && mkdir -p $(rootfs_out)/newlib
	@for f in $(BUILD)/user/bin/*; do if test -f $$f; then strip -g -o $(rootfs_out)/newlib/$${f##*/} $$f; fi; done
	$(rootfs_mkcpio) -D PROGRAMS=$(rootfs_abs_out)/newlib -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/newlib/newlib.recipe

# Real glibc programs: bash, coreutils, python3, perl, gcc, make, sqlite3. About 50 MB: boot it with -m 1G.
PACKAGES_debian := dpkg
$(rootfs_out)/debian/stamp: $(wildcard $(rootfs_dir)/debian/packages $(rootfs_dir)/debian/collect.sh) | $(rootfs_out)
	@mkdir -p $(@D)
	$(rootfs_dir)/debian/collect.sh $(rootfs_out)/debian/tree $(rootfs_out)/debian/debs
	@touch $@

$(rootfs_out)/debian.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/debian/*) $(rootfs_out)/debian/stamp $(rootfs_out)/newlib.cpio.gz
	$(rootfs_mkcpio) -l 6 -D TREE=$(rootfs_abs_out)/debian/tree -D PROGRAMS=$(rootfs_abs_out)/newlib -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/debian/debian.recipe

# The same with what the comparison with Linux wants beside it (grader/oracle/debian.sh): upstream's tests, logins, editors. Boot it with -m 2G.
$(rootfs_out)/debian-wide.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/debian/* $(rootfs_dir)/debian/pam/*) $(rootfs_out)/newlib.cpio.gz
	$(rootfs_dir)/debian/collect.sh $(rootfs_out)/debian/tree-wide $(rootfs_out)/debian/debs $(rootfs_dir)/debian/packages-wide
	$(rootfs_mkcpio) -l 1 -D TREE=$(rootfs_abs_out)/debian/tree-wide -D PROGRAMS=$(rootfs_abs_out)/newlib -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/debian/debian.recipe $(rootfs_dir)/debian/wide.recipe

# Debian's servers and clients of the network, for its graders (grader/labs/test_net_programs.py). Boot it with -m 1G.
$(rootfs_out)/debian-net.cpio.gz: $(rootfs_deps) $(wildcard $(rootfs_dir)/debian/* $(rootfs_dir)/debian/net/*) $(rootfs_out)/newlib.cpio.gz
	$(rootfs_dir)/debian/collect.sh $(rootfs_out)/debian/tree-net $(rootfs_out)/debian/debs $(rootfs_dir)/debian/packages-net
	$(rootfs_mkcpio) -l 1 -D TREE=$(rootfs_abs_out)/debian/tree-net -D PROGRAMS=$(rootfs_abs_out)/newlib -o $@ $(rootfs_dir)/common.recipe $(rootfs_dir)/debian/debian.recipe $(rootfs_dir)/debian/net.recipe
