LAB_TITLE := Files
LAB_ENABLES := vfs fs/ramfs fs/devfs
LAB_FILES :=
