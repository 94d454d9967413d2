LAB_TITLE := Pipes, futexes and semaphores
LAB_ENABLES := ipc socket
LAB_FILES :=
