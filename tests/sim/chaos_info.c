/* chaos_info.c - what a client may ask of its files, and change of them, beside their bytes. */
#include "sim/chaos_impl.h"

#include "wire/reparse.h"
#include "wire/utf16.h"
#include "wire/wr.h"

enum { NAME_BUF_LEN = 512 };

void chaos_do_list(struct chaos *c)
{
	static const uint8_t classes[] = {
		FileDirectoryInformation,       FileFullDirectoryInformation,
		FileIdFullDirectoryInformation, FileBothDirectoryInformation,
		FileIdBothDirectoryInformation,
	};
	static const char *const patterns[] = {"*", "*", "t*", "*e", "one", "?ub"};
	struct rng *r = chaos_rng(c);
	uint8_t class = classes[rng_below(r, ARRAY_LEN(classes))];
	uint8_t flags = rng_chance(r, 300) ? SMB2_RESTART_SCANS : 0;
	uint32_t max = 200 + (uint32_t)rng_below(r, CHAOS_OUTPUT_MAX);
	int slot = chaos_any_open(c, DIRECTORIES);
	struct chaos_op *op;

	if (slot < 0 || !chaos_may_send(c, max))
		return;
	if (rng_chance(r, 200))
		flags |= SMB2_RETURN_SINGLE_ENTRY;
	op = chaos_op_add(
		c,
		client_query_directory(chaos_client_of(c), chaos_tree_of(c, slot),
				       c->opens[slot].id, class, flags,
				       patterns[rng_below(r, ARRAY_LEN(patterns))], max),
		SMB2_QUERY_DIRECTORY, slot);
	op->class = class;
}

void chaos_do_notify(struct chaos *c)
{
	struct rng *r = chaos_rng(c);
	int slot = chaos_any_open(c, DIRECTORIES);
	uint64_t mid;

	if (slot < 0 || !chaos_may_send(c, CHAOS_OUTPUT_MAX))
		return;
	mid = client_change_notify(chaos_client_of(c), chaos_tree_of(c, slot),
				   c->opens[slot].id, (uint16_t)rng_below(r, 2),
				   1 + (uint32_t)rng_below(r, 0xFFF),
				   (uint32_t)rng_below(r, CHAOS_OUTPUT_MAX));
	(void)chaos_op_add(c, mid, SMB2_CHANGE_NOTIFY, slot);
}

void chaos_do_query(struct chaos *c)
{
	static const uint8_t file[] = {
		FileBasicInformation,    FileStandardInformation,
		FileInternalInformation, FileEaInformation,
		FileAccessInformation,   FilePositionInformation,
		FileModeInformation,     FileAllInformation,
		FileStreamInformation,   FileNetworkOpenInformation,
		FileFullEaInformation,   99,
	};
	struct rng *r = chaos_rng(c);
	struct client_info what = {.type = (uint8_t)(1 + rng_below(r, 4))};
	int slot = chaos_any_open(c, ANY);
	uint64_t mid;

	what.class = what.type == SMB2_0_INFO_FILE ? file[rng_below(r, ARRAY_LEN(file))]
		     : what.type == SMB2_0_INFO_FILESYSTEM ? (uint8_t)rng_below(r, 12)
							   : 0;
	if (what.type == SMB2_0_INFO_SECURITY)
		what.additional = (uint32_t)rng_below(r, 16);
	if (slot < 0 || !chaos_may_send(c, CHAOS_OUTPUT_MAX))
		return;
	mid = client_query_info(chaos_client_of(c), chaos_tree_of(c, slot),
				c->opens[slot].id, what,
				(uint32_t)rng_below(r, CHAOS_OUTPUT_MAX));
	(void)chaos_op_add(c, mid, SMB2_QUERY_INFO, slot);
}

static void wr_times(struct wr *w, struct rng *r)
{
	for (int i = 0; i < 4; i++)
		wr_u64(w,
		       rng_chance(r, 500) ? 0 : 133485408000000000u + rng_below(r, 1000));
	wr_u32(w, rng_chance(r, 500) ? 0 : FILE_ATTRIBUTE_ARCHIVE);
	wr_u32(w, 0); /* Reserved */
}

/* Rename and link: [MS-FSCC] 2.4.42.2, 2.4.28.2 */
static void wr_target(struct wr *w, struct chaos *c)
{
	const char *path = chaos_any_path(c);

	wr_u8(w, rng_chance(chaos_rng(c), 500)); /* ReplaceIfExists */
	wr_zero(w, 7);
	wr_u64(w, 0); /* RootDirectory */
	wr_u32(w, (uint32_t)utf16_len(path));
	(void)wr_utf16(w, path);
	if (path[0] == '\0')
		wr_zero(w, 4);
}

/* An open through which its name may be changed. */
static int any_removable(struct chaos *c)
{
	for (int tries = 0; tries < 2 * CHAOS_OPENS_MAX; tries++) {
		int slot = chaos_any_open(c, FILES);

		if (slot >= 0 && (c->opens[slot].access & DELETE))
			return slot;
	}
	return -1;
}

void chaos_do_set(struct chaos *c)
{
	static const uint8_t classes[] = {
		FileBasicInformation,       FileRenameInformation,
		FileRenameInformation,      FileDispositionInformation,
		FileDispositionInformation, FileEndOfFileInformation,
		FileAllocationInformation,  FileLinkInformation,
		FilePositionInformation,
	};
	struct rng *r = chaos_rng(c);
	struct client_info what = {SMB2_0_INFO_FILE, 0, 0};
	uint8_t room[NAME_BUF_LEN];
	struct wr w = wr_of(mspan_of(room, sizeof(room)));
	int slot = rng_chance(r, 500) ? chaos_any_open(c, ANY) : any_removable(c);
	uint64_t mid;

	what.class = classes[rng_below(r, ARRAY_LEN(classes))];
	if (slot < 0 || !chaos_may_send(c, sizeof(room)))
		return;
	switch (what.class) {
	case FileBasicInformation:
		wr_times(&w, r);
		break;
	case FileRenameInformation:
	case FileLinkInformation:
		wr_target(&w, c);
		break;
	case FileDispositionInformation:
		wr_u8(&w, rng_chance(r, 700));
		break;
	default:
		wr_u64(&w, chaos_any_offset(c));
	}
	mid = client_set_info(chaos_client_of(c), chaos_tree_of(c, slot),
			      c->opens[slot].id, what, wr_done(&w));
	chaos_changes(c, chaos_op_add(c, mid, SMB2_SET_INFO, slot));
}

/* ---- reparse points ------------------------------------------------------------------------------------- */

enum { REPARSE_KINDS = 2, REPARSE_ROOM = 64 };

/* A symbolic link; a pipe as WSL has them. Without what is in it, it takes it away. */
static struct span reparse_buffer(uint8_t *room, unsigned kind, bool removes)
{
	struct wr w = wr_of(mspan_of(room, REPARSE_ROOM));

	if (kind == 0 && !removes) {
		wr_reparse_link(&w, "one");
		return wr_done(&w);
	}
	wr_u32(&w, kind == 0 ? IO_REPARSE_TAG_SYMLINK : IO_REPARSE_TAG_LX_FIFO);
	wr_u32(&w, 0); /* ReparseDataLength, Reserved */
	return wr_done(&w);
}

bool chaos_reparse_is_ours(struct span buffer)
{
	uint8_t room[REPARSE_ROOM];

	for (unsigned kind = 0; kind < REPARSE_KINDS; kind++)
		if (span_eq(buffer, reparse_buffer(room, kind, false)))
			return true;
	return false;
}

/* Mostly taken away: what is one is in everybody's way. */
void chaos_do_reparse(struct chaos *c)
{
	static const uint32_t codes[] = {
		FSCTL_SET_REPARSE_POINT,    FSCTL_GET_REPARSE_POINT,
		FSCTL_DELETE_REPARSE_POINT, FSCTL_DELETE_REPARSE_POINT,
		FSCTL_DELETE_REPARSE_POINT,
	};
	struct rng *r = chaos_rng(c);
	uint32_t code = codes[rng_below(r, ARRAY_LEN(codes))];
	int slot = chaos_any_open(c, rng_chance(r, 800) ? FILES : ANY);
	struct span in = {0};
	uint8_t room[REPARSE_ROOM];

	if (slot < 0 || !chaos_may_send(c, CHAOS_OUTPUT_MAX))
		return;
	if (code != FSCTL_GET_REPARSE_POINT)
		in = reparse_buffer(room, (unsigned)rng_below(r, REPARSE_KINDS),
				    code == FSCTL_DELETE_REPARSE_POINT);
	chaos_changes(
		c,
		chaos_op_add(c,
			     client_ioctl(chaos_client_of(c), chaos_tree_of(c, slot),
					  c->opens[slot].id, code, in, CHAOS_OUTPUT_MAX),
			     SMB2_IOCTL, slot));
}
