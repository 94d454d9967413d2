LAB_TITLE := Programs
LAB_ENABLES := exec vm
LAB_FILES :=
