LAB_TITLE := Pipes, futexes and semaphores
LAB_ENABLES := ipc socket
LAB_FILES := ipc/pipe.c ipc/futex.c ipc/semaphore.c
