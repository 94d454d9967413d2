LAB_TITLE := Programs
LAB_ENABLES := vm exec
LAB_FILES := exec/elf.c exec/stack.c vm/fault.c
