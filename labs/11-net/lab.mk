LAB_TITLE := The network
LAB_ENABLES := net
LAB_FILES :=
