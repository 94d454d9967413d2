/* stage: 12; libc: musl; run: guest+golden
 * adjtimex and clock_adjtime: what is told of the clock, what root may set, what is refused to whom. */
#include "t.h"
#include <sys/timex.h>

static void show(const char *what, const struct timex *t)
{
	say("%s: offset %ld freq %ld errors %ld %ld status %#x constant %ld precision %ld tolerance %ld tick %ld tai %d pps %ld %ld %d %ld %ld %ld %ld %ld\n", what,
	    t->offset, t->freq, t->maxerror, t->esterror, t->status, t->constant, t->precision, t->tolerance, t->tick, t->tai, t->ppsfreq, t->jitter, t->shift,
	    t->stabil, t->jitcnt, t->calcnt, t->errcnt, t->stbcnt);
}

static struct timex ask(unsigned modes, long value)
{
	struct timex t;
	long r;

	memset(&t, 0, sizeof(t));
	t.modes = modes;
	if (modes & 0x8000)
		t.offset = value;
	else if (modes & ADJ_STATUS)
		t.status = (int)value;
	else if (modes & (ADJ_TIMECONST | ADJ_TAI))
		t.constant = value;
	else if (modes & ADJ_MAXERROR)
		t.maxerror = value;
	else if (modes & ADJ_ESTERROR)
		t.esterror = value;
	else if (modes & ADJ_FREQUENCY)
		t.freq = value;
	else if (modes & ADJ_TICK)
		t.tick = value;
	r = SYS(adjtimex, &t);
	say("modes %#x, %ld: %s %ld\n", modes, value, r < 0 ? errname(errno) : "ok", r);
	return t;
}

static void asks(void)
{
	struct timespec now;
	struct timex t;

	t = ask(0, 0);
	show("at first", &t);
	clock_gettime(CLOCK_REALTIME, &now);
	T(now.tv_sec - t.time.tv_sec >= 0 && now.tv_sec - t.time.tv_sec < 60);
	T(t.time.tv_usec >= 0 && t.time.tv_usec < 1000000);
	t = ask(0xa001, 77);
	show("asked as adjtime does", &t);
	t.modes = 0;
	R(SYS(clock_adjtime, CLOCK_REALTIME, &t));
	R(SYS(adjtimex, NULL));
	R(SYS(clock_adjtime, CLOCK_REALTIME, NULL));
	for (int clock = -8; clock < 13; clock++) {
		long r = clock ? SYS(clock_adjtime, clock, &t) : 0;
		say("clock %d: %s\n", clock, r < 0 ? errname(errno) : "ok");
	}
}

static void refused(void)
{
	ask(0x8000, 0);
	ask(0xa000, 0);
	ask(ADJ_TICK, 8999);
	ask(ADJ_TICK, 11001);
	ask(ADJ_FREQUENCY, LONG_MAX);
	ask(ADJ_FREQUENCY, LONG_MIN);
}

static void move(long sec, long part, unsigned modes)
{
	struct timex t = { .modes = ADJ_SETOFFSET | modes, .time = { sec, part } };
	struct timespec before, after;
	long r, ms;

	clock_gettime(CLOCK_REALTIME, &before);
	r = SYS(adjtimex, &t);
	clock_gettime(CLOCK_REALTIME, &after);
	ms = (after.tv_sec - before.tv_sec - sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
	say("moved by %ld %ld: %s, %s\n", sec, part, r < 0 ? errname(errno) : "ok",
	    r < 0 ? (after.tv_sec - before.tv_sec < 60 ? "not at all" : "and yet") : ms > -2000 && ms < 60000 ? "by that" : "by something else");
}

int main(void)
{
	struct timespec real, tai;
	struct timex t;

	asks();
	refused();
	ask(ADJ_TICK, 10000);
	ask(ADJ_FREQUENCY, 0);
	t = ask(ADJ_MAXERROR, 17000000);
	V(t.maxerror);
	t = ask(ADJ_ESTERROR, 17000000);
	V(t.esterror);
	t = ask(ADJ_ESTERROR, -1);
	V(t.esterror);
	ask(ADJ_ESTERROR, 1234);
	ask(ADJ_TAI, 37);
	ask(ADJ_TAI, -1);
	ask(ADJ_TAI, 100001);
	clock_gettime(CLOCK_REALTIME, &real);
	SYS(clock_gettime, CLOCK_TAI, &tai);
	T(tai.tv_sec - real.tv_sec >= 37 && tai.tv_sec - real.tv_sec < 60);
	tai.tv_sec = real.tv_sec + 36;
	T(clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &tai, NULL) == 0);
	clock_gettime(CLOCK_REALTIME, &tai);
	T(tai.tv_sec - real.tv_sec < 30);
	for (int i = -3; i < 12; i += 7) {
		t = ask(ADJ_TIMECONST, i);
		V(t.constant);
	}
	ask(ADJ_NANO, 0);
	t = ask(ADJ_TIMECONST, 3);
	V(t.constant);
	X(t.status);
	t = ask(ADJ_MICRO, 0);
	X(t.status);
	t = ask(ADJ_STATUS, 0xff01);
	X(t.status);
	t = ask(ADJ_STATUS, 0);
	X(t.status);
	t = ask(0, 0);
	t.maxerror = 0;
	show("in the end", &t);
	move(1000, 0, 0);
	show("moved", (t = ask(0, 0), &t));
	move(-1001, 999999, 0);
	move(0, 999999999, ADJ_NANO);
	move(0, 1000000000, ADJ_NANO);
	move(0, 1000000, 0);
	move(0, -1, 0);
	move(-4000000000, 0, 0);
	ask(ADJ_STATUS, 0);
	clock_gettime(CLOCK_REALTIME, &real);
	R(clock_settime(CLOCK_REALTIME, &real));
	show("set", (t = ask(0, 0), &t));
	ask(ADJ_TAI, 0); /* for the tests after this one */
	IN_CHILD("a user") {
		NEED(setuid(1000) == 0);
		ask(0, 0);
		ask(0xa001, 0);
		ask(0x8001, 0);
		ask(0x8000, 0);
		ask(ADJ_ESTERROR, 5);
		ask(ADJ_TICK, 1);
		ask(ADJ_FREQUENCY, LONG_MAX);
		ask(0xa101, 0);
		move(5, 0, 0);
	}
	return 0;
}
