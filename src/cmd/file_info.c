#include "cmd/file_info.h"

#include "fs/short_name.h"
#include "wire/filetime.h"
#include "wire/smb2_proto.h"
#include "wire/utf16.h"

enum {
	PIPE_QUOTA = 4096, /* of either direction: what Windows uses for its own pipes */
	PIPE_INSTANCES_UNLIMITED = UINT8_MAX, /* PIPE_UNLIMITED_INSTANCES */
};

/* ---- encoders, in the order of [MS-FSCC] 2.4 ----------------------------------------------------- */

static void encode_access(struct wr *w, const struct file_info *i)
{
	wr_u32(w, i->access);
}

static void encode_alignment(struct wr *w, const struct file_info *i)
{
	wr_u32(w, FILE_BYTE_ALIGNMENT);
}

const char *file_info_leaf(const char *path)
{
	const char *sep = strrchr(path, '\\');

	return sep ? sep + 1 : path;
}

static void encode_alternate_name(struct wr *w, const struct file_info *i)
{
	char name[SHORT_NAME_LEN + 1];
	size_t len = wr_hole_u32(w);

	short_name_of(file_info_leaf(i->path), name);
	wr_fill_u32(w, len, (uint32_t)wr_utf16(w, name));
}

static void encode_attribute_tag(struct wr *w, const struct file_info *i)
{
	wr_u32(w, i->stat.dos_attributes);
	wr_u32(w, i->stat.reparse_tag);
}

static void encode_basic(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->stat.create_time);
	wr_u64(w, i->stat.access_time);
	wr_u64(w, i->stat.write_time);
	wr_u64(w, i->stat.change_time);
	wr_u32(w, i->stat.dos_attributes);
	wr_u32(w, 0); /* Reserved */
}

/* How is the file system's affair; there are no units and chunks that clients could know. */
static void encode_compression(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->stat.type == VFS_DIR ? 0 : i->stat.allocated);
	wr_u16(w, i->stat.dos_attributes & FILE_ATTRIBUTE_COMPRESSED
			  ? COMPRESSION_FORMAT_LZNT1
			  : COMPRESSION_FORMAT_NONE);
	wr_u8(w, 0); /* CompressionUnitShift */
	wr_u8(w, 0); /* ChunkShift */
	wr_u8(w, 0); /* ClusterShift */
	wr_zero(w, 3);
}

static void encode_ea(struct wr *w, const struct file_info *i)
{
	wr_u32(w, i->ea_len);
}

static void encode_id(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->stat.key.volume);
	wr_u64(w, i->stat.key.inode);
	wr_u64(w, i->stat.key.generation);
}

static void encode_internal(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->stat.key.inode);
}

static void encode_mode(struct wr *w, const struct file_info *i)
{
	wr_u32(w, i->mode);
}

static void encode_network_open(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->stat.create_time);
	wr_u64(w, i->stat.access_time);
	wr_u64(w, i->stat.write_time);
	wr_u64(w, i->stat.change_time);
	wr_u64(w, i->stat.allocated);
	wr_u64(w, i->stat.size);
	wr_u32(w, i->stat.dos_attributes);
	wr_u32(w, 0); /* Reserved */
}

/* FILE_NAME_INFORMATION, of the path there is. */
static void encode_path(struct wr *w, const struct file_info *i)
{
	size_t len = wr_hole_u32(w), n = i->path ? wr_utf16(w, i->path) : 0;

	if (i->stream) {
		n += wr_utf16(w, ":");
		n += wr_utf16(w, i->stream);
	}
	wr_fill_u32(w, len, (uint32_t)n);
}

static void encode_pipe(struct wr *w, const struct file_info *i)
{
	wr_u32(w, FILE_PIPE_MESSAGE_MODE);
	wr_u32(w, FILE_PIPE_QUEUE_OPERATION);
}

static void encode_pipe_local(struct wr *w, const struct file_info *i)
{
	wr_u32(w, FILE_PIPE_MESSAGE_TYPE);
	wr_u32(w, FILE_PIPE_FULL_DUPLEX);
	wr_u32(w, PIPE_INSTANCES_UNLIMITED);
	wr_u32(w, 1); /* CurrentInstances: every open has a pipe of its own */
	wr_u32(w, PIPE_QUOTA);
	wr_u32(w, i->pipe_waiting);
	wr_u32(w, PIPE_QUOTA);
	wr_u32(w, PIPE_QUOTA); /* a write is taken whole before it is answered */
	wr_u32(w, FILE_PIPE_CONNECTED_STATE);
	wr_u32(w, FILE_PIPE_CLIENT_END);
}

/* How a client gathers data before it sends is its own affair. */
static void encode_pipe_remote(struct wr *w, const struct file_info *i)
{
	wr_u64(w, 0); /* CollectDataTime */
	wr_u32(w, 0); /* MaximumCollectionCount */
}

static void encode_position(struct wr *w, const struct file_info *i)
{
	wr_u64(w, i->position);
}

/* A link on which deletion is pending counts no more: [MS-FSA] 2.1.5.12.27 */
static void encode_standard(struct wr *w, const struct file_info *i)
{
	uint32_t links = i->stat.nlink;

	if (i->delete_pending && links > 0)
		links--;
	wr_u64(w, i->stat.allocated);
	wr_u64(w, i->stat.size);
	wr_u32(w, links);
	wr_u8(w, i->delete_pending || links == 0);
	wr_u8(w, i->stat.type == VFS_DIR);
	wr_u16(w, 0); /* Reserved */
}

/* One more entry; *last is where the one before begins, SIZE_MAX: there is none. */
static void encode_one_stream(struct wr *w, const struct vfs_stream *s, size_t *last)
{
	size_t len, n, start;

	wr_align(w, 8);
	start = wr_pos(w);
	if (*last != SIZE_MAX)
		wr_fill_u32(w, *last, (uint32_t)(start - *last));
	*last = wr_hole_u32(w); /* NextEntryOffset */
	len = wr_hole_u32(w);
	wr_u64(w, s->size);
	wr_u64(w, s->allocated);
	n = wr_utf16(w, ":");
	n += wr_utf16(w, s->name);
	n += wr_utf16(w, ":$DATA");
	wr_fill_u32(w, len, (uint32_t)n);
}

/* A file has its unnamed stream, a directory none. */
static void encode_stream(struct wr *w, const struct file_info *i)
{
	const struct vfs_stream data = {"", i->stat.size, i->stat.allocated};
	size_t last = SIZE_MAX;

	if (i->stat.type != VFS_DIR)
		encode_one_stream(w, &data, &last);
	for (size_t n = 0; n < i->stream_count; n++)
		encode_one_stream(w, &i->streams[n], &last);
}

size_t file_streams_len(const struct file_info *i)
{
	enum { ENTRY_LEN = 24 + 2 * sizeof("::$DATA") + 8 };
	size_t len = ENTRY_LEN;

	for (size_t n = 0; n < i->stream_count; n++)
		len += ENTRY_LEN + 2 * strlen(i->streams[n].name);
	return len;
}

/* Deviation: the name may be left empty ([MS-SMB2] 3.3.5.20.1); clients of Windows and of Samba like to see it. */
static void encode_all(struct wr *w, const struct file_info *i)
{
	encode_basic(w, i);
	encode_standard(w, i);
	encode_internal(w, i);
	encode_ea(w, i);
	encode_access(w, i);
	encode_position(w, i);
	encode_mode(w, i);
	encode_alignment(w, i);
	encode_path(w, i);
}

/* ---- tables -------------------------------------------------------------------------------------- */

enum {
	STAT = FILE_INFO_STAT,
	EAS = FILE_INFO_EAS,
	FILES = FILE_INFO_OF_FILE,
	PIPES = FILE_INFO_OF_PIPE,
	BOTH = FILE_INFO_OF_FILE | FILE_INFO_OF_PIPE,
	ATTR = FILE_READ_ATTRIBUTES,
};

static const struct file_info_class classes[] = {
	{FileAccessInformation, 4, BOTH, 0, encode_access},
	{FileAlignmentInformation, 4, BOTH, 0, encode_alignment},
	{FileAllInformation, 104, BOTH | STAT | EAS | FILE_INFO_OPENED_PATH, ATTR,
	 encode_all},
	{FileAlternateNameInformation, 8, FILES | FILE_INFO_PATH | FILE_INFO_SHORT_NAME,
	 0, encode_alternate_name},
	{FileAttributeTagInformation, 8, FILES | STAT, ATTR, encode_attribute_tag},
	{FileBasicInformation, 40, BOTH | STAT, ATTR, encode_basic},
	{FileCompressionInformation, 16, FILES | STAT, 0, encode_compression},
	{FileEaInformation, 4, BOTH | EAS, 0, encode_ea},
	{FileIdInformation, 24, FILES | STAT, 0, encode_id},
	{FileInternalInformation, 8, BOTH | STAT, 0, encode_internal},
	{FileModeInformation, 4, BOTH, 0, encode_mode},
	{FileNetworkOpenInformation, 56, BOTH | STAT, ATTR, encode_network_open},
	{FileNormalizedNameInformation, 8, FILES | FILE_INFO_PATH, 0, encode_path},
	{FilePipeInformation, 8, PIPES, ATTR, encode_pipe},
	{FilePipeLocalInformation, 40, PIPES, ATTR, encode_pipe_local},
	{FilePipeRemoteInformation, 12, PIPES, ATTR, encode_pipe_remote},
	{FilePositionInformation, 8, BOTH, 0, encode_position},
	{FileStandardInformation, 24, BOTH | STAT, 0, encode_standard},
	/* Windows counts the padding of the structure: [MS-FSA] 2.1.5.12.29 */
	{FileStreamInformation, 32, FILES | FILE_INFO_STREAMS, 0, encode_stream},
};

const struct file_info_class *file_info_class(uint8_t class)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			return &classes[i];
	return NULL;
}

static const uint8_t settable[] = {
	FileAllocationInformation,
	FileBasicInformation,
	FileDispositionInformation,
	FileDispositionInformationEx,
	FileEndOfFileInformation,
	FileFullEaInformation,
	FileLinkInformation,
	FileModeInformation,
	FilePipeInformation,
	FilePositionInformation,
	FileQuotaInformation,
	FileRenameInformation,
	FileRenameInformationEx,
	FileShortNameInformation,
	FileValidDataLengthInformation,
};

/* Classes that exist and are in neither table: of directories, of local use, or of no use. */
static const uint8_t others[] = {
	FileDirectoryInformation,
	FileFullDirectoryInformation,
	FileBothDirectoryInformation,
	FileNameInformation,
	FileNamesInformation,
	FileMailslotQueryInformation,
	FileMailslotSetInformation,
	FileObjectIdInformation,
	FileMoveClusterInformation,
	FileReparsePointInformation,
	FileTrackingInformation,
	FileIdBothDirectoryInformation,
	FileIdFullDirectoryInformation,
	FileSfioReserveInformation,
	FileSfioVolumeInformation,
	FileHardLinkInformation,
	FileIdGlobalTxDirectoryInformation,
	FileStandardLinkInformation,
	FileIdExtdDirectoryInformation,
	FileId64ExtdDirectoryInformation,
	FileId64ExtdBothDirectoryInformation,
	FileIdAllExtdDirectoryInformation,
	FileIdAllExtdBothDirectoryInformation,
};

static bool is_in(const uint8_t *list, size_t count, uint8_t class)
{
	return memchr(list, class, count) != NULL;
}

bool file_info_is_settable(uint8_t class)
{
	return is_in(settable, ARRAY_LEN(settable), class);
}

bool file_info_is_class(uint8_t class)
{
	return file_info_class(class) || file_info_is_settable(class) ||
	       is_in(others, ARRAY_LEN(others), class);
}

/* ---- decoders ------------------------------------------------------------------------------------ */

/* [MS-FSA] 2.1.5.15.2 */
nt_status file_basic_decode(struct rd *r, bool directory, struct file_basic *ret_basic)
{
	struct file_basic b;

	b.create_time = rd_u64(r);
	b.access_time = rd_u64(r);
	b.write_time = rd_u64(r);
	b.change_time = rd_u64(r);
	b.attributes = rd_u32(r);
	rd_skip(r, 4); /* Reserved */
	if (!rd_ok(r))
		return STATUS_INFO_LENGTH_MISMATCH;
	if (!filetime_is_valid(b.create_time) || !filetime_is_valid(b.access_time) ||
	    !filetime_is_valid(b.write_time) || !filetime_is_valid(b.change_time))
		return STATUS_INVALID_PARAMETER;
	if ((b.attributes & FILE_ATTRIBUTE_DIRECTORY) && !directory)
		return STATUS_INVALID_PARAMETER;
	if ((b.attributes & FILE_ATTRIBUTE_TEMPORARY) && directory)
		return STATUS_INVALID_PARAMETER;
	*ret_basic = b;
	return STATUS_SUCCESS;
}

/* [MS-FSCC] 2.4.42.2, 2.4.28.2 */
nt_status file_target_decode(struct rd *r, struct arena *a,
			     struct file_target *ret_target)
{
	struct file_target t;
	uint64_t root;
	uint32_t len;
	struct span name;
	nt_status st;

	t.replace = rd_u8(r) != 0;
	rd_skip(r, 7); /* Reserved */
	root = rd_u64(r);
	len = rd_u32(r);
	name = rd_bytes(r, len);
	if (!rd_ok(r) || len == 0 || len % 2 || root != 0)
		return STATUS_INVALID_PARAMETER;
	st = name_parse(name, a, &t.path);
	if (!nt_ok(st))
		return st;
	if (t.path.slash || t.path.type == NAME_DIRECTORY)
		return STATUS_OBJECT_NAME_INVALID;
	if (!t.path.stream && t.path.type != (t.path.count ? NAME_ANY : NAME_DATA))
		return STATUS_OBJECT_NAME_INVALID;
	*ret_target = t;
	return STATUS_SUCCESS;
}
