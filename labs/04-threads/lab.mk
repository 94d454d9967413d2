LAB_TITLE := Threads on every CPU
LAB_ENABLES := sched
LAB_FILES := sched/switch.S sched/schedule.c sched/wait.c sched/mutex.c sched/shootdown.c
