LAB_TITLE := Alpine Linux
LAB_ENABLES := distro
LAB_FILES :=
