LAB_TITLE := Interrupts and time
LAB_ENABLES := irq acpi time
LAB_FILES := irq/vectors.S irq/idt.c irq/exceptions.c time/apic_timer.c
LAB_NEEDS := irq:acpi time:irq,acpi
