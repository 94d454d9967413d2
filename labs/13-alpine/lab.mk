LAB_TITLE := Alpine Linux
LAB_ENABLES := distro
LAB_FILES := distro/vdso_clock.c distro/flock.c
