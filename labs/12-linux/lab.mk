LAB_TITLE := The Linux layer and terminals
LAB_ENABLES := linux tty fs/procfs
LAB_FILES :=
