LAB_TITLE := Files
LAB_ENABLES := vfs fs/ramfs fs/devfs
LAB_FILES := vfs/namei.c vfs/pagecache.c fs/ramfs/ramfs.c
