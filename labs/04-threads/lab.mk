LAB_TITLE := Threads on every CPU
LAB_ENABLES := sched
LAB_FILES :=
