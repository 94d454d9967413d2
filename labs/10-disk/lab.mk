LAB_TITLE := A disk that survives a power cut
LAB_ENABLES := pci virtio block fs/jbd2 fs/ext4
LAB_FILES := virtio/virtqueue.c fs/jbd2/commit.c fs/jbd2/replay.c fs/ext4/search.c block/replace.c
