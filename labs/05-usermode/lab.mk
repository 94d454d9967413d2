LAB_TITLE := The way to ring 3
LAB_ENABLES := usermode file
LAB_FILES := usermode/enter.S usermode/uaccess.c usermode/usermode.c
