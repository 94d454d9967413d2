LAB_TITLE := Interrupts and time
LAB_ENABLES := irq acpi time
LAB_FILES :=
