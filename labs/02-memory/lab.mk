LAB_TITLE := Frames, page tables and a heap
LAB_ENABLES := mm
LAB_FILES := mm/buddy.c mm/pagetable.c mm/slab.c
