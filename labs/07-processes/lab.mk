LAB_TITLE := Processes and signals
LAB_ENABLES := proc
LAB_FILES := proc/cow.c proc/fork.c proc/sigframe.c proc/wait.c
