LAB_TITLE := The machine wakes up
LAB_ENABLES := boot core lib
LAB_FILES :=
