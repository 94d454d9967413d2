/* /proc/PID/mounts, mountinfo, mountstats: the mounts that the process can reach from its root. Who polls one is told when mounts change (proc(5)). */
#include "abi/stat.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "procfs_priv.h"

enum mounts_form { FORM_MOUNTS, FORM_INFO, FORM_STATS };
struct listing {
	struct seq *s;
	struct path root;
	char *buf;
	enum mounts_form form;
};

/* Blanks and backslashes in names are written as octal escapes (getmntent(3)). */
static void escaped(struct seq *s, const char *text)
{
	for (; *text; text++)
		if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\\' || *text == '#')
			seq_printf(s, "\\%03o", (u8)*text);
		else
			seq_write(s, text, 1);
}

static const char *source_of(const struct mount *m) { return m->source && *m->source ? m->source : "none"; }

/* The path, inside its file system, of what is mounted. */
static void show_root(struct listing *l, struct mount *m)
{
	struct path top = { m, m->root };
	if (m->root == m->sb->root) {
		seq_puts(l->s, "/");
		return;
	}
	struct path origin = { m, m->sb->root };
	char *text = path_text_from(&top, &origin, l->buf, PATH_MAX);
	escaped(l->s, IS_ERR(text) ? "/" : text);
}

static bool one_mount(struct mount *m, void *arg)
{
	struct listing *l = arg;
	struct seq *s = l->s;
	struct path at = { m, m->root };
	char *place = path_text_from(&at, &l->root, l->buf, PATH_MAX);
	if (IS_ERR(place))
		return true; /* not below this root */
	switch (l->form) {
	case FORM_MOUNTS:
		escaped(s, source_of(m));
		seq_puts(s, " ");
		escaped(s, place);
		seq_printf(s, " %s ", m->sb->type->name);
		mount_show_options(m, s, true);
		seq_puts(s, " 0 0\n");
		break;
	case FORM_INFO:
		seq_printf(s, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : 1, abi_major(m->sb->dev), abi_minor(m->sb->dev));
		char *copy = kstrdup(place, 0);
		show_root(l, m);
		seq_puts(s, " ");
		escaped(s, copy ? copy : "/");
		kfree(copy);
		seq_puts(s, " ");
		mount_show_options(m, s, false);
		seq_printf(s, " - %s ", m->sb->type->name);
		escaped(s, source_of(m));
		seq_puts(s, m->sb->flags & 1 ? " ro" : " rw");
		if (m->sb->ops && m->sb->ops->show_options)
			m->sb->ops->show_options(m->sb, s);
		seq_puts(s, "\n");
		break;
	case FORM_STATS:
		seq_puts(s, "device ");
		escaped(s, source_of(m));
		seq_puts(s, " mounted on ");
		escaped(s, place);
		seq_printf(s, " with fstype %s\n", m->sb->type->name);
		break;
	}
	return true;
}

static int show(struct seq *s, struct thread *t, enum mounts_form form)
{
	struct listing l = { .s = s, .form = form, .buf = kmalloc(PATH_MAX, 0) };
	struct fs_context *fs = thread_fs_get(t);
	if (!l.buf || !fs) {
		kfree(l.buf);
		if (fs)
			fs_context_put(fs);
		return fs ? -ENOMEM : -EINVAL;
	}
	spin_lock(&fs->lock);
	l.root = fs->root;
	path_get(&l.root);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	mount_for_each(one_mount, &l);
	path_put(&l.root);
	kfree(l.buf);
	return 0;
}

int show_mounts(struct seq *s, struct process *p __unused, struct thread *t) { return show(s, t, FORM_MOUNTS); }
int show_mountinfo(struct seq *s, struct process *p __unused, struct thread *t) { return show(s, t, FORM_INFO); }
int show_mountstats(struct seq *s, struct process *p __unused, struct thread *t) { return show(s, t, FORM_STATS); }

static ssize_t mounts_read(struct file *f, struct uio *to, s64 *pos)
{
	u64 *seen = textfile_mark(f);

	if (seen && !*seen)
		*seen = mount_changes();
	return pid_file_read(f, to, pos);
}

static u32 mounts_poll(struct file *f, struct poll_table *pt)
{
	u64 *seen = textfile_mark(f);

	poll_wait(pt, f, &mount_wait);
	u64 now = mount_changes(), before = seen ? __atomic_exchange_n(seen, now, __ATOMIC_ACQ_REL) : now;
	return POLLIN | POLLRDNORM | (before && before != now ? POLLERR | POLLPRI : 0);
}

const struct file_ops mounts_file_ops = {
	.name = "proc mounts",
	.no_splice = NO_SPLICE,
	.read = mounts_read,
	.poll = mounts_poll,
	.lseek = textfile_lseek,
	.release = textfile_release,
};
