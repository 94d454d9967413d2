LAB_TITLE := The machine wakes up
LAB_ENABLES := boot core lib
LAB_FILES :=
LAB_NEEDS := core:lib boot:core,lib
