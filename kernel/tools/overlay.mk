# Which subsystems and which lab files make up the kernel that is asked for.
#
#   LAB=NN            stages 01..NN; without it the full kernel
#   FROM=labs         every lab file from labs/             a student's own work
#   FROM=base         labs below NN from solutions/, lab NN from labs/
#   FROM=solutions    every lab file from solutions/        the reference prefix
#   LABS=folder       takes the place of labs/ in the two above: a submission, a wrong solution
#   FROM=all          the full kernel (the same as LAB=13 FROM=solutions, at its own path)
#
# Out of these come SUBSYSTEMS (folders below kernel/), LAB_SOURCES (files below labs/ or solutions/) and VARIANT,
# the folder of the image below BUILD. Nothing here reaches the compiler.

-include labs/default.mk
LABS ?= labs

lab_dirs := $(patsubst labs/%/lab.mk,%,$(sort $(wildcard labs/[0-9][0-9]-*/lab.mk)))
lab_last := $(lastword $(foreach l,$(lab_dirs),$(firstword $(subst -, ,$l))))

define read_lab
LAB_TITLE :=
LAB_ENABLES :=
LAB_FILES :=
include labs/$(1)/lab.mk
title.$(1) := $$(LAB_TITLE)
enables.$(1) := $$(LAB_ENABLES)
files.$(1) := $$(LAB_FILES)
endef
$(foreach l,$(lab_dirs),$(eval $(call read_lab,$l)))

# A tree that lacks a solution is a student's: there LAB=NN means the student's own files.
missing_solutions := $(strip $(foreach l,$(lab_dirs),$(foreach f,$(files.$l),$(if $(wildcard solutions/$l/$f),,$l))))

ifeq ($(strip $(LAB)),)
  FROM ?= $(if $(missing_solutions),labs,all)
  lab_number := $(lab_last)
else
  FROM ?= $(if $(missing_solutions),labs,solutions)
  lab_number := $(if $(filter 1 2 3 4 5 6 7 8 9,$(LAB)),0$(LAB),$(LAB))
endif
ifeq ($(filter $(FROM),labs base solutions all),)
  $(error FROM=$(FROM): must be labs, base, solutions or all)
endif
lab_this := $(filter $(lab_number)-%,$(lab_dirs))
ifeq ($(lab_this),)
  $(error LAB=$(LAB): no such lab; there are $(lab_dirs))
endif

# $(call up_to,lab): the labs from the first to this one.
up_to = $(foreach l,$(lab_dirs),$(if $(filter $l,$(firstword $(sort $l $1))),$l))
lab_prefix := $(call up_to,$(lab_this))

lab_origin.labs = $(LABS)
lab_origin.solutions = solutions
lab_origin.all = solutions
lab_origin.base = $(if $(filter $1,$(lab_this)),$(LABS),solutions)

SUBSYSTEMS := $(foreach l,$(lab_prefix),$(enables.$l))
LAB_SOURCES := $(foreach l,$(lab_prefix),$(addprefix $(call lab_origin.$(FROM),$l)/$l/,$(files.$l)))

ifeq ($(FROM)$(LAB),all)
  VARIANT :=
else
  VARIANT := lab$(lab_number)-$(FROM)$(if $(filter-out labs,$(LABS)),-$(subst /,-,$(LABS)))
endif
