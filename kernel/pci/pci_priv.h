/* Between the files of pci/. */
#ifndef PCI_PRIV_H
#define PCI_PRIV_H

#include "pci/pci.h"

/* config.c: chooses between the memory window of PCI Express and the ports. */
int pci_config_init(void);
u32 pci_config_read(unsigned bus, unsigned slot, unsigned function, unsigned offset); /* aligned to 4; all ones where nothing answers */

#endif
