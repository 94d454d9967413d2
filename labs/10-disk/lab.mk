LAB_TITLE := A disk that survives a power cut
LAB_ENABLES := pci virtio block fs/jbd2 fs/ext4
LAB_FILES :=
