/* Inside fs/procfs: inodes of processes. */
#ifndef FS_PROCFS_PROCFS_PRIV_H
#define FS_PROCFS_PROCFS_PRIV_H

#include "fs/procfs/nodetree.h"
#include "proc/proc.h"
#include "vm/aspace.h"

/* A name in /proc/PID, or in /proc/PID/task/TID. */
struct pid_entry {
	const char *name;
	u16 mode;                      /* with type */
	u8 where;                      /* IN_* */
	bool in_ns;                    /* a link of ns/: `fd` of its inode counts those */
	bool secret;                   /* only for those that may trace the process */
	int (*show)(struct seq *s, struct process *p, struct thread *t);
	ssize_t (*store)(struct process *p, struct thread *t, const char *text, size_t len);
	const struct inode_ops *ops;   /* links and directories */
	const struct file_ops *fops;
	struct tree_node **tree;       /* a directory of information nodes */
};
enum { IN_PROCESS = 1, IN_TASK = 2, IN_BOTH = 3 };
extern const struct pid_entry pid_entries[]; /* a NULL name ends it */

enum { INODE_PROCESS = 1 << 16 }; /* inode->flags: private is a struct proc_inode */
struct proc_inode {
	struct process *process; /* counted */
	struct thread *thread;   /* counted; NULL in /proc/PID, unless PID is another thread's than the leader's */
	u8 where;                /* IN_PROCESS or IN_TASK */
	const struct pid_entry *entry;
	int fd;                  /* of fd/N and fdinfo/N, else -1 */
};
static inline struct proc_inode *proc_of(struct inode *i) { return i->private; }
static inline struct thread *proc_thread(struct proc_inode *pi) { return pi->thread ? pi->thread : pi->process->leader; }

/* An inode about a process, or (t) a thread of it; counts both. NULL if memory is short. The second is for what lies in a directory of them. */
struct inode *proc_inode_new(struct superblock *sb, struct process *p, struct thread *t, u8 where, const struct pid_entry *e, int fd, u32 mode);
struct inode *proc_inode_below(struct inode *dir, const struct pid_entry *e, int fd, u32 mode);
void proc_inode_owner(struct inode *i); /* owner as the process's credentials are now */
int proc_dentry_alive(struct dentry *d);
bool proc_fd_is_open(struct proc_inode *pi, u32 *mode); /* pi is of a descriptor; if it is open, the mode of its file too */
int proc_permission(struct inode *i, u32 mask);
int proc_getattr(struct inode *i, struct kstat *st);
int proc_setattr(struct inode *i, const struct iattr *a);
struct fs_context *thread_fs_get(struct thread *t); /* counted; NULL for one that has ended */

extern const struct inode_ops pid_dir_inode_ops, pid_file_inode_ops, task_dir_inode_ops, fd_dir_inode_ops, fdinfo_dir_inode_ops, exe_link_ops, cwd_link_ops, root_link_ops;
extern const struct file_ops pid_dir_ops, pid_file_ops, mounts_file_ops, task_dir_ops, fd_dir_ops, fdinfo_dir_ops, mem_file_ops, kmsg_file_ops, fail_nth_file_ops;
ssize_t pid_file_read(struct file *f, struct uio *to, s64 *pos);
struct process *proc_dir_process(struct file *f); /* NULL if f is no directory /proc/PID */
extern const struct pid_entry pid_dir_entry; /* of /proc/PID itself */

/* The numbers of /proc/sys into the tree (sysctl.c). */
void sysctl_build(struct tree_node *root);
extern struct tree_node *net_node; /* what /proc/PID/net shows */
extern const struct inode_ops ns_dir_inode_ops;
extern const struct file_ops ns_dir_ops;

/* Shows, by file. */
int show_maps(struct seq *s, struct process *p, struct thread *t);
int show_smaps(struct seq *s, struct process *p, struct thread *t);
int show_smaps_rollup(struct seq *s, struct process *p, struct thread *t);
int show_statm(struct seq *s, struct process *p, struct thread *t);
int show_cmdline(struct seq *s, struct process *p, struct thread *t);
int show_environ(struct seq *s, struct process *p, struct thread *t);
int show_auxv(struct seq *s, struct process *p, struct thread *t);
int show_stat(struct seq *s, struct process *p, struct thread *t);
int show_status(struct seq *s, struct process *p, struct thread *t);
int show_mounts(struct seq *s, struct process *p, struct thread *t);
int show_mountinfo(struct seq *s, struct process *p, struct thread *t);
int show_mountstats(struct seq *s, struct process *p, struct thread *t);

#endif
