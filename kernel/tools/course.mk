# The course: what students get and hand in, and how instructors grade it.

#@   make submit LAB=NN      a tarball of the files that the lab names, and only those
#@   make report LAB=NN      what make grade found, to read and for services: build/report/report.html, JUnit and others; also RESULTS=file.json OUT=dir
#@   make release LAB=NN OUT=dir   for instructors: the tree that the students of a lab get
#@   make checkpoints        for instructors: the branches lab/01-boot ... lab/13-alpine
#@   make grade-submission TARBALL=file   for instructors: what was handed in, on a pristine tree, in a sandbox; also LAB= SEED= TEST= OUT=dir
#@   make grade-class ROSTER=file.csv LAB=NN   for instructors: a class; ENGINE=local|parallel|slurm OUT=dir JOBS=n SEED=n TEST=name
#@   make class-test         sixty submissions on a Slurm cluster of this one machine, and a node that is killed; minutes
#@   make autograder LAB=NN  for instructors: build/autograder/labNN.zip for Gradescope
.PHONY: submit report release checkpoints grade-submission grade-class class-test autograder autograder.zip

CLASSROOM = @[ -d grader/classroom ] || { echo 'make $@: this is a tree for students; instructors have grader/classroom/' >&2; exit 1; }
ISOLATED := /usr/bin/python3 -I -B
needs_lab = $(if $(strip $(LAB)),,$(error make $@ LAB=NN: which lab))
lab_word = $(if $(strip $(LAB)),--lab $(lab_number))
course_tools = kernel qemu newlib test sandbox disk $(if $(filter 1,$(lab_number:0%=%)),iso)
# A word for the shell, whatever is in it.
quoted = '$(subst ','\'',$1)'

submit:
	$(needs_lab)@$(PYTHON3) kernel/tools/submit.py $(lab_number) --build $(BUILD) $(if $(filter-out labs,$(LABS)),--labs $(LABS)) $(if $(filter command,$(origin OUT)),--out $(call quoted,$(OUT)))

report:
	@$(ISOLATED) grader/report/__main__.py $(call quoted,$(RESULTS)) $(if $(filter command,$(origin OUT)),$(call quoted,$(OUT)),$(BUILD)/report)

release:
	$(needs_lab)$(CLASSROOM)
	@$(ISOLATED) grader/classroom/release.py release $(lab_number) $(if $(filter command,$(origin OUT)),$(call quoted,$(OUT)))

checkpoints:
	$(CLASSROOM)
	@$(ISOLATED) grader/classroom/release.py checkpoints

grade-submission:
	$(CLASSROOM)
	@$(SETUP) $(course_tools)
	@env -u MAKEFLAGS -u MAKEOVERRIDES -u DEBUG $(ISOLATED) grader/classroom/grade_one.py $(call quoted,$(TARBALL)) $(lab_word) \
		--out $(if $(filter command,$(origin OUT)),$(call quoted,$(OUT)),$(BUILD)/submission) $(if $(SEED),--seed $(SEED)) $(if $(TEST),--test $(call quoted,$(TEST)))

ENGINE ?= local
grade-class:
	$(needs_lab)$(CLASSROOM)
	@$(SETUP) $(course_tools) $(filter parallel slurm,$(ENGINE))
	@env -u MAKEFLAGS -u MAKEOVERRIDES -u DEBUG $(ISOLATED) grader/classroom/class_run.py $(call quoted,$(ROSTER)) --lab $(lab_number) --engine $(ENGINE) \
		--out $(if $(filter command,$(origin OUT)),$(call quoted,$(OUT)),$(BUILD)/class/lab$(lab_number)) $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(TEST),--test $(call quoted,$(TEST)))

class-test:
	$(CLASSROOM)
	@$(SETUP) kernel qemu newlib test sandbox parallel slurm slurm-here
	@$(MAKE) -s do-test T='classroom/slow_class.py $(T)'

autograder:
	$(needs_lab)$(CLASSROOM)
	@$(ISOLATED) grader/classroom/autograder.py $(lab_number) $(BUILD)/autograder/lab$(lab_number).zip
autograder.zip: autograder
	@cp $(BUILD)/autograder/lab$(lab_number).zip $@
