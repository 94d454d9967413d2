LAB_TITLE := A disk that survives a power cut
LAB_ENABLES := pci virtio block fs/ext4 fs/jbd2
LAB_FILES :=
