LAB_TITLE := The Linux layer and terminals
LAB_ENABLES := linux tty fs/procfs fs/sysfs
LAB_FILES := linux/router.c tty/ldisc.c tty/jobctl.c
