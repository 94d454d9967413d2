LAB_TITLE := The machine wakes up
LAB_ENABLES := boot core lib
LAB_FILES := boot/multiboot2.c core/uart16550.c core/ticket.c lib/format.c
LAB_NEEDS := core:lib boot:core,lib
