/*
 * The battery-backed clock (MC146818): read at boot, and by programs through /dev/rtc0, who may set it too. Its registers change once a second, which it
 * announces some 244 us before (bit 7 of register A). Two equal readings without that are a good one.
 */
#include "acpi/acpi.h"
#include "core/atomic.h"
#include "core/cpu.h"
#include "lib/string.h"
#include "time_priv.h"

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11 };
#define A_UPDATING 0x80
#define B_STOP 0x80 /* no updates: the registers may be written */
#define B_24_HOURS 2
#define B_BINARY 4
#define PM 0x80

struct date {
	u32 second, minute, hour, day, month, year, century;
};

static u8 cmos(u8 r)
{
	outb(0x70, r | 0x80);
	return inb(0x71);
}

static void cmos_write(u8 r, u8 value)
{
	outb(0x70, r | 0x80);
	outb(0x71, value);
}

static void read_date(struct date *d)
{
	for (int i = 0; i < 100000 && cmos(STATUS_A) & A_UPDATING; i++)
		cpu_relax();
	*d = (struct date){ cmos(SECONDS), cmos(MINUTES), cmos(HOURS), cmos(DAY), cmos(MONTH), cmos(YEAR), acpi.rtc_century ? cmos(acpi.rtc_century) : 0 };
}

static u32 from_bcd(u32 v)
{
	return (v >> 4) * 10 + (v & 15);
}

static u8 to_bcd(u32 v)
{
	return (u8)(v / 10 << 4 | v % 10);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that the leap day is the last. */
static u64 days_since_1970(u32 year, u32 month, u32 day)
{
	u32 y = month <= 2 ? year - 1 : year;
	u32 m = month <= 2 ? month + 9 : month - 3;

	return (u64)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

u64 rtc_date_seconds(const struct rtc_date *d)
{
	return ((days_since_1970(d->year, d->month, d->day) * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

void rtc_seconds_date(u64 seconds, struct rtc_date *d)
{
	u64 days = seconds / 86400;

	*d = (struct rtc_date){ .second = seconds % 60, .minute = seconds / 60 % 60, .hour = seconds / 3600 % 24, .year = 1970, .month = 1, .day = 1 };
	while (days_since_1970(d->year + 1, 1, 1) <= days)
		d->year++;
	while (d->month < 12 && days_since_1970(d->year, d->month + 1, 1) <= days)
		d->month++;
	d->day += (u32)(days - days_since_1970(d->year, d->month, 1));
}

void rtc_set(const struct rtc_date *d)
{
	u8 b = cmos(STATUS_B), hour = (u8)d->hour;
	bool binary = b & B_BINARY, pm = !(b & B_24_HOURS) && hour >= 12;

	if (!(b & B_24_HOURS))
		hour = hour % 12 ? hour % 12 : 12;
	const u8 values[][2] = {
		{ SECONDS, (u8)d->second }, { MINUTES, (u8)d->minute }, { HOURS, hour }, { DAY, (u8)d->day }, { MONTH, (u8)d->month },
		{ YEAR, (u8)(d->year % 100) }, { acpi.rtc_century, (u8)(d->year / 100) },
	};
	cmos_write(STATUS_B, b | B_STOP);
	for (size_t i = 0; i < ARRAY_SIZE(values) - !acpi.rtc_century; i++)
		cmos_write(values[i][0], (u8)((binary ? values[i][1] : to_bcd(values[i][1])) | (pm && values[i][0] == HOURS ? PM : 0)));
	cmos_write(STATUS_B, b);
}

u64 rtc_seconds(void)
{
	struct date d, again;
	u8 b = cmos(STATUS_B);
	bool pm;

	read_date(&d);
	for (int i = 0; i < 5; i++) {
		read_date(&again);
		if (memcmp(&d, &again, sizeof(d)) == 0)
			break;
		d = again;
	}
	pm = !(b & B_24_HOURS) && d.hour & PM;
	d.hour &= ~(u32)PM;
	if (!(b & B_BINARY)) {
		d.second = from_bcd(d.second);
		d.minute = from_bcd(d.minute);
		d.hour = from_bcd(d.hour);
		d.day = from_bcd(d.day);
		d.month = from_bcd(d.month);
		d.year = from_bcd(d.year);
		d.century = from_bcd(d.century);
	}
	if (!(b & B_24_HOURS))
		d.hour = d.hour % 12 + (pm ? 12 : 0);
	d.year += d.century >= 19 && d.century <= 30 ? d.century * 100 : d.year < 70 ? 2000 : 1900;
	if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 || d.hour > 23 || d.minute > 59 || d.second > 60)
		return 0;
	return rtc_date_seconds(&(struct rtc_date){ d.second, d.minute, d.hour, d.day, d.month, d.year });
}
