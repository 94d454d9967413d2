/* Between the files of fs/devfs. */
#ifndef DEVFS_PRIV_H
#define DEVFS_PRIV_H

int memory_devices_init(void); /* null, zero, full, random, urandom, kmsg, and the raw console: 0 or -errno */

#endif
