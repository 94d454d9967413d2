/*
 * Options of mount, by the names and with the values that Linux's ext4 takes (Documentation/admin-guide/ext4.rst), and shown as it shows them: what was given and
 * is not what the superblock says anyway.
 *
 * Many ask for less than is done here always (data=writeback, nobarrier, nodelalloc, noauto_da_alloc …), or are advice on how to be fast: they are accepted. What
 * asks for something that is not there (data=journal, quotas, another device's journal …) is refused with a line, and so is what Linux does not know.
 *
 * All options of a call are taken, or none.
 */
#include "ext4_priv.h"

#include "lib/format.h"

enum kind { SET, CLEAR, SWITCH, IGNORED, REFUSED };

/* In the order in which Linux shows them. Of several names for one bit the first is shown. SWITCH: =0 turns it off, shown by the CLEAR of the same bit. */
static const struct flag_option {
	const char *name;
	enum kind kind;
	u32 bit;
} flag_options[] = {
	{ "minixdf", SET, OPT_MINIX_DF }, { "bsddf", CLEAR, OPT_MINIX_DF },
	{ "grpid", SET, OPT_GRPID }, { "bsdgroups", SET, OPT_GRPID }, { "nogrpid", CLEAR, OPT_GRPID }, { "sysvgroups", CLEAR, OPT_GRPID },
	{ "block_validity", SET, OPT_BLOCK_VALIDITY }, { "noblock_validity", CLEAR, OPT_BLOCK_VALIDITY },
	{ "dioread_nolock", SET, OPT_DIOREAD_NOLOCK }, { "nodioread_nolock", CLEAR, OPT_DIOREAD_NOLOCK },
	{ "dioread_lock", CLEAR, OPT_DIOREAD_NOLOCK },
	{ "delalloc", SET, OPT_DELALLOC }, { "nodelalloc", CLEAR, OPT_DELALLOC },
	{ "nojournal_checksum", CLEAR, OPT_JOURNAL_CHECKSUM }, { "journal_checksum", SET, OPT_JOURNAL_CHECKSUM },
	{ "norecovery", SET, OPT_NO_LOAD }, { "noload", SET, OPT_NO_LOAD },
	{ "barrier", SWITCH, OPT_BARRIER }, { "nobarrier", CLEAR, OPT_BARRIER },
	{ "noauto_da_alloc", CLEAR, OPT_AUTO_DA_ALLOC }, { "auto_da_alloc", SWITCH, OPT_AUTO_DA_ALLOC },
	{ "noinit_itable", CLEAR, OPT_INIT_ITABLE }, { "init_itable", SET, OPT_INIT_ITABLE },
	{ "nombcache", CLEAR, OPT_MBCACHE }, { "no_mbcache", CLEAR, OPT_MBCACHE },
	{ "prefetch_block_bitmaps", SET, OPT_PREFETCH }, { "no_prefetch_block_bitmaps", CLEAR, OPT_PREFETCH },
	/* Nothing that could be told. */
	{ "discard", IGNORED, 0 }, { "nodiscard", IGNORED, 0 }, { "user_xattr", IGNORED, 0 }, { "acl", IGNORED, 0 }, { "i_version", IGNORED, 0 }, { "oldalloc", IGNORED, 0 }, { "orlov", IGNORED, 0 },
	{ "bh", IGNORED, 0 }, { "nobh", IGNORED, 0 }, { "mblk_io_submit", IGNORED, 0 }, { "nomblk_io_submit", IGNORED, 0 }, { "reservation", IGNORED, 0 }, { "noreservation", IGNORED, 0 },
	{ "nocheck", IGNORED, 0 }, { "noquota", IGNORED, 0 }, { "inlinecrypt", IGNORED, 0 }, { "debug", IGNORED, 0 }, { "warn_on_error", IGNORED, 0 }, { "nowarn_on_error", IGNORED, 0 },
	{ "lazytime", IGNORED, 0 }, { "nolazytime", IGNORED, 0 }, { "rw", IGNORED, 0 }, { "relatime", IGNORED, 0 },
	{ "journal_async_commit", REFUSED, 0 }, { "nouid32", REFUSED, 0 }, { "quota", REFUSED, 0 }, { "usrquota", REFUSED, 0 }, { "grpquota", REFUSED, 0 }, { "prjquota", REFUSED, 0 },
	{ "dax", REFUSED, 0 }, { "abort", REFUSED, 0 }, { "test_dummy_encryption", REFUSED, 0 },
};

/* In this order too. `most`: the largest value; 0: of no matter, and not shown. */
static const struct number_option {
	const char *name;
	u32 usual, most;
	bool power; /* 0, or a power of two */
} number_options[] = {
	[OPT_SB] = { "sb", 1, UINT32_MAX, false },
	[OPT_RESUID] = { "resuid", 0, UINT32_MAX - 1, false },
	[OPT_RESGID] = { "resgid", 0, UINT32_MAX - 1, false },
	[OPT_COMMIT] = { "commit", 5, INT32_MAX / 250, false },
	[OPT_MIN_BATCH] = { "min_batch_time", 0, UINT32_MAX, false },
	[OPT_MAX_BATCH] = { "max_batch_time", 15000, UINT32_MAX, false },
	[OPT_STRIPE] = { "stripe", 0, UINT32_MAX, false },
	[OPT_READAHEAD] = { "inode_readahead_blks", 32, 1u << 30, true },
};

static const struct word_option {
	const char *name, *value; /* value NULL: any other */
	enum kind kind;
} word_options[] = {
	{ "data_err", "ignore", IGNORED }, { "data_err", "abort", REFUSED }, { "check", "none", IGNORED }, { "dax", "never", IGNORED }, { "dax", "inode", REFUSED },
	{ "dax", "always", REFUSED }, { "usrjquota", "", IGNORED }, { "grpjquota", "", IGNORED }, { "usrjquota", NULL, REFUSED }, { "grpjquota", NULL, REFUSED },
	{ "jqfmt", NULL, REFUSED }, { "journal_dev", NULL, REFUSED }, { "journal_path", NULL, REFUSED }, { "max_dir_size_kb", "0", IGNORED },
	{ "max_dir_size_kb", NULL, REFUSED }, { "test_dummy_encryption", NULL, REFUSED }, { "mb_optimize_scan", "0", IGNORED }, { "mb_optimize_scan", "1", IGNORED },
};

static const char *const data_modes[] = { [DATA_ORDERED] = "ordered", [DATA_WRITEBACK] = "writeback" };
static const char *const error_words[] = { [ERRORS_CONTINUE] = "continue", [ERRORS_READ_ONLY] = "remount-ro", [ERRORS_PANIC] = "panic" };

/* --- parsing ------------------------------------------------------------------------------------------------------------------------- */

enum verdict { TAKEN, UNKNOWN, BAD_VALUE, NOT_THERE };

static bool parse_number(const char *text, u32 most, u32 *n)
{
	const char *end;
	u64 value;

	if (!text || *text < '0' || *text > '9')
		return false;
	value = parse_u64(text, &end, 0);
	*n = (u32)value;
	return !*end && value <= most;
}

static enum verdict take_flag(struct ext4_options *o, const struct flag_option *f, const char *value)
{
	bool on = f->kind != CLEAR;
	u32 n;

	if (f->kind == REFUSED)
		return NOT_THERE;
	if (value && f->kind == SWITCH) {
		if (!parse_number(value, UINT32_MAX, &n))
			return BAD_VALUE;
		on = n;
	} else if (value && (f->bit != OPT_INIT_ITABLE || f->kind != SET || !parse_number(value, INT32_MAX, &n))) {
		return BAD_VALUE;
	}
	o->given |= f->bit;
	o->flags = on ? o->flags | f->bit : o->flags & ~f->bit;
	return TAKEN;
}

static enum verdict take_number(struct ext4_options *o, u32 which, const char *value)
{
	const struct number_option *d = &number_options[which];
	u32 n;

	if (!parse_number(value, d->most, &n) || (d->power && n & (n - 1)))
		return BAD_VALUE;
	if (which == OPT_COMMIT && !n)
		n = d->usual;
	o->number[which] = n;
	o->numbers_given |= 1u << which;
	return TAKEN;
}

/* One of a few words: its place among them, 0 if it is none. */
static u8 word_of(const char *const *words, size_t count, const char *value)
{
	for (size_t k = 1; value && k < count; k++)
		if (!strcmp(words[k], value))
			return (u8)k;
	return 0;
}

static enum verdict take_word(struct ext4_options *o, const char *key, const char *value)
{
	enum verdict v = UNKNOWN;

	if (!strcmp(key, "errors")) {
		u8 word = word_of(error_words, ARRAY_SIZE(error_words), value);

		if (word)
			o->errors = word;
		return word ? TAKEN : BAD_VALUE;
	}
	if (!strcmp(key, "data")) {
		u8 word = word_of(data_modes, ARRAY_SIZE(data_modes), value);

		if (word)
			o->data = word;
		return word ? TAKEN : value && !strcmp(value, "journal") ? NOT_THERE : BAD_VALUE;
	}
	for (size_t k = 0; k < ARRAY_SIZE(word_options); k++) {
		const struct word_option *w = &word_options[k];

		if (strcmp(key, w->name))
			continue;
		if (value && (!w->value || !strcmp(value, w->value)))
			return w->kind == REFUSED ? NOT_THERE : TAKEN;
		v = BAD_VALUE;
	}
	return v;
}

static enum verdict take(struct ext4_options *o, const char *key, const char *value)
{
	u32 n;

	for (u32 k = 0; k < ARRAY_SIZE(number_options); k++)
		if (!strcmp(key, number_options[k].name))
			return take_number(o, k, value);
	if (!strcmp(key, "journal_ioprio"))
		return parse_number(value, 7, &n) ? TAKEN : BAD_VALUE;
	for (size_t k = 0; k < ARRAY_SIZE(flag_options); k++)
		if (!strcmp(key, flag_options[k].name) && (!value || strcmp(key, "dax")) && (!value || strcmp(key, "test_dummy_encryption")))
			return take_flag(o, &flag_options[k], value);
	return take_word(o, key, value);
}

int ext4_options_parse(struct ext4_fs *fs, const char *text)
{
	static const char *const what[] = { [UNKNOWN] = "is not known", [BAD_VALUE] = "has a bad value", [NOT_THERE] = "is not supported" };
	char *copy = kstrdup(text, 0), *at = copy, *key, *value;
	struct ext4_options o = fs->opt;
	int err = copy ? 0 : -ENOMEM;

	while (!err && option_next(&at, &key, &value)) {
		enum verdict v = take(&o, key, value);

		if (v != TAKEN) {
			pr_err("EXT4-fs (%s): option \"%s%s%s\" %s\n", fs->dev->name, key, value ? "=" : "", value ? value : "", what[v]);
			err = -EINVAL;
		}
	}
	kfree(copy);
	/* What was said when it was mounted stands: where the superblock is, and how the journal is used. */
	if (!err && fs->sb->root) {
		u32 fixed = OPT_JOURNAL_CHECKSUM;

		if (o.data != fs->opt.data && (o.data == DATA_WRITEBACK || fs->opt.data == DATA_WRITEBACK)) {
			pr_err("EXT4-fs (%s): the mode of data cannot be changed by a remount\n", fs->dev->name);
			return -EINVAL;
		}
		o.flags = (o.flags & ~fixed) | (fs->opt.flags & fixed);
		o.given = (o.given & ~fixed) | (fs->opt.given & fixed);
		o.number[OPT_SB] = fs->opt.number[OPT_SB];
		o.data = fs->opt.data;
	}
	if (!err)
		fs->opt = o;
	return err;
}

void ext4_options_init(struct ext4_options *o)
{
	for (u32 k = 0; k < ARRAY_SIZE(number_options); k++)
		o->number[k] = number_options[k].usual;
}

/* --- with what the superblock says ------------------------------------------------------------------------------------------------------ */

/* What holds if nothing is said. */
static u32 usual_flags(const struct ext4_fs *fs)
{
	u32 said = disk_super(fs)->default_mount_options;
	u32 usual = OPT_BLOCK_VALIDITY | OPT_AUTO_DA_ALLOC | OPT_INIT_ITABLE | OPT_MBCACHE | OPT_PREFETCH | OPT_BARRIER;

	if (said & SUPER_DEFAULT_GRPID)
		usual |= OPT_GRPID;
	if (said & SUPER_DEFAULT_NO_BARRIER)
		usual &= ~(u32)OPT_BARRIER;
	if (!(said & SUPER_DEFAULT_NO_DELALLOC))
		usual |= OPT_DELALLOC;
	if (fs->block_size == PAGE_SIZE)
		usual |= OPT_DIOREAD_NOLOCK;
	if (fs->checksums)
		usual |= OPT_JOURNAL_CHECKSUM;
	return usual;
}

u32 ext4_options_flags(const struct ext4_fs *fs)
{
	return (fs->opt.flags & fs->opt.given) | (usual_flags(fs) & ~fs->opt.given);
}

u8 ext4_options_errors(const struct ext4_fs *fs)
{
	u32 errors = fs->opt.errors ? fs->opt.errors : disk_super(fs)->errors;

	/* A disk must not be able to stop the system: panic is taken as read-only. */
	return errors == ERRORS_CONTINUE ? ERRORS_CONTINUE : ERRORS_READ_ONLY;
}

u32 ext4_options_number(const struct ext4_fs *fs, u32 which)
{
	if (!(fs->opt.numbers_given & 1u << which)) {
		if (which == OPT_RESUID)
			return disk_super(fs)->reserved_uid;
		if (which == OPT_RESGID)
			return disk_super(fs)->reserved_gid;
	}
	return fs->opt.number[which];
}

void ext4_options_apply(struct ext4_fs *fs)
{
	if (fs->journal)
		journal_set_period(fs->journal, fs->opt.number[OPT_COMMIT]);
}

int ext4_options_without_journal(const struct ext4_fs *fs)
{
	const char *what = fs->opt.given & fs->opt.flags & OPT_JOURNAL_CHECKSUM ? "journal_checksum" : fs->opt.number[OPT_COMMIT] != number_options[OPT_COMMIT].usual ? "commit" :
		fs->opt.data ? "data" : NULL;

	if (!what)
		return 0;
	pr_err("EXT4-fs (%s): option \"%s\" is for a journal, and there is none\n", fs->dev->name, what);
	return -EINVAL;
}

static void show_number(const struct ext4_fs *fs, struct seq *s, u32 which)
{
	u32 n = ext4_options_number(fs, which);

	if (n != number_options[which].usual)
		seq_printf(s, ",%s=%u", number_options[which].name, n);
}

void ext4_options_show(const struct ext4_fs *fs, struct seq *s)
{
	u32 flags = ext4_options_flags(fs), differ = flags ^ usual_flags(fs);
	u8 errors = ext4_options_errors(fs);

	show_number(fs, s, OPT_SB);
	for (size_t k = 0; k < ARRAY_SIZE(flag_options); k++) {
		const struct flag_option *f = &flag_options[k];

		if (!(differ & f->bit) || (f->kind == CLEAR) == !!(flags & f->bit))
			continue;
		seq_printf(s, ",%s", f->name);
		differ &= ~f->bit;
	}
	show_number(fs, s, OPT_RESUID);
	show_number(fs, s, OPT_RESGID);
	if (errors != disk_super(fs)->errors)
		seq_printf(s, ",errors=%s", error_words[errors]);
	for (u32 k = OPT_COMMIT; k <= OPT_STRIPE; k++)
		show_number(fs, s, k);
	if (fs->opt.data)
		seq_printf(s, ",data=%s", data_modes[fs->opt.data]);
	show_number(fs, s, OPT_READAHEAD);
}
