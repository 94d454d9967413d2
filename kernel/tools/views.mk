# Views of the composed kernel for people and their tools, and the students' files from the reference files.

#@   make tree LAB=NN        a folder of links: the whole kernel as it is composed
#@   make compile_commands.json    for clangd
#@   make skeletons          write labs/ from solutions/
.PHONY: tree skeletons compile_commands.json
tree_dir := $(BUILD)/tree/$(or $(VARIANT),full)
tree_sources = $(foreach s,$(SUBSYSTEMS),$(wildcard kernel/$s/*.[cSh] kernel/$s/*.md))
tree:
	@rm -rf $(tree_dir) && mkdir -p $(tree_dir) $(addprefix $(tree_dir)/,$(SUBSYSTEMS))
	@ln -s $(CURDIR)/kernel/include $(tree_dir)/include
	@for f in $(tree_sources); do ln -s $(CURDIR)/$$f $(tree_dir)/$${f#kernel/}; done
	@for f in $(LAB_SOURCES); do n=$${f#*/}; n=$${n#*/}; mkdir -p $(tree_dir)/$$(dirname $$n); ln -sf $(CURDIR)/$$f $(tree_dir)/$$n; done
	@echo $(tree_dir)

compile_commands.json:
	@$(MAKE) -Bn V=1 objects | $(PYTHON3) kernel/tools/compile_commands.py > $@.new && mv $@.new $@
	@echo $@

ifneq ($(missing_solutions),)
skeletons:
	@echo 'This tree lacks solutions (of $(sort $(missing_solutions))): its labs/ are the work of a student.' >&2; exit 1
else
skeletons:
	@sh kernel/tools/setup.sh skeletons
	@BUILD=$(BUILD) sh kernel/tools/skeletons.sh
endif
