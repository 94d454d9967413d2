/* Files made of text: see fs/procfs/nodetree.h. */
#include "fs/procfs/nodetree.h"
#include "lib/string.h"
#include "mm/slab.h"

#define FIRST_SIZE 2048
#define LARGEST (64u << 20)
#define INPUT_MAX (64u << 10)

struct snapshot {
	struct mutex lock; /* guards the rest: pread takes no position lock */
	char *text;
	size_t len;
	bool valid;
	u64 mark;
};

static struct snapshot *snapshot_of(struct file *f)
{
	struct snapshot *s = atomic_load_acquire(&f->private);
	if (s)
		return s;
	s = kzalloc(sizeof(*s), 0);
	if (!s)
		return NULL;
	mutex_init(&s->lock, "text file", RANK_NONE);
	void *none = NULL;
	if (__atomic_compare_exchange_n(&f->private, &none, (void *)s, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return s;
	kfree(s);
	return none;
}

u64 *textfile_mark(struct file *f)
{
	struct snapshot *s = snapshot_of(f);

	return s ? &s->mark : NULL;
}

/* Shows into ever larger buffers until the text fits. */
static int fill(struct snapshot *snap, int (*show)(struct seq *s, void *arg), void *arg)
{
	size_t size = snap->len ? ALIGN_UP(snap->len + 256, 256ul) : FIRST_SIZE;
	kfree(snap->text);
	snap->text = NULL;
	snap->len = 0;
	snap->valid = false;
	for (;;) {
		struct seq s = { .buf = kmalloc(size, 0), .size = size };
		if (!s.buf)
			return -ENOMEM;
		int err = show(&s, arg);
		if (err) {
			kfree(s.buf);
			return err;
		}
		if (s.len <= size) {
			snap->text = s.buf;
			snap->len = s.len;
			snap->valid = true;
			return 0;
		}
		kfree(s.buf);
		size = ALIGN_UP(s.len + s.len / 4, 4096ul);
		if (size > LARGEST)
			return -ENOMEM;
	}
}

ssize_t textfile_read(struct file *f, struct uio *to, s64 *pos, int (*show)(struct seq *s, void *arg), void *arg)
{
	struct snapshot *snap = snapshot_of(f);
	ssize_t ret = 0;
	if (!snap)
		return -ENOMEM;
	mutex_lock(&snap->lock);
	if (*pos == 0 || !snap->valid)
		ret = fill(snap, show, arg);
	if (!ret && *pos >= 0 && (u64)*pos < snap->len) {
		size_t want = MIN(snap->len - (size_t)*pos, to->left);
		ret = (ssize_t)uio_write(to, snap->text + *pos, want);
		if (ret == 0 && want)
			ret = -EFAULT;
		else
			*pos += ret;
	}
	mutex_unlock(&snap->lock);
	return ret;
}

u32 textfile_poll(struct file *f __unused, struct poll_table *pt __unused)
{
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

void textfile_release(struct file *f)
{
	struct snapshot *snap = f->private;
	if (!snap)
		return;
	kfree(snap->text);
	kfree(snap);
}

s64 textfile_lseek(struct file *f, s64 off, int whence)
{
	if (whence == SEEK_END)
		return -EINVAL;
	return generic_lseek(f, off, whence, INT64_MAX, 0);
}

char *textfile_input(struct uio *from, size_t *len)
{
	size_t n = from->left;
	if (n > INPUT_MAX)
		return ERR_PTR(-EINVAL);
	char *text = kmalloc(n + 1, 0);
	if (!text)
		return ERR_PTR(-ENOMEM);
	if (uio_read(from, text, n) < n) {
		kfree(text);
		return ERR_PTR(-EFAULT);
	}
	text[n] = '\0';
	*len = n;
	return text;
}
