#include "cmd/fs_info.h"

#include "wire/smb2_proto.h"
#include "wire/utf16.h"

enum {
	SECTOR = 512,
	PAGE = 4096, /* Volume.SystemPageSize */
	COMPONENT_UNITS_MAX = 255,
	OBJECT_ID_LEN = 16,
	EXTENDED_INFO_LEN = 48,
};

/* Clients count in sectors of 512 bytes; blocks that are no multiple of them are their own sectors. */
static uint32_t sector_size(const struct fs_info *i)
{
	return i->fs.block_size % SECTOR || !i->fs.block_size ? 1 : SECTOR;
}

static void wr_unit(struct wr *w, const struct fs_info *i)
{
	uint32_t sector = sector_size(i);

	wr_u32(w, i->fs.block_size / sector); /* SectorsPerAllocationUnit */
	wr_u32(w, sector);                    /* BytesPerSector */
}

static void encode_volume(struct wr *w, const struct fs_info *i)
{
	uint64_t id = i->fs.volume_id;
	size_t len;

	wr_u64(w, i->fs.create_time);
	wr_u32(w, (uint32_t)(id ^ id >> 32)); /* VolumeSerialNumber */
	len = wr_hole_u32(w);
	wr_u8(w, 0); /* SupportsObjects */
	wr_u8(w, 0); /* Reserved */
	wr_fill_u32(w, len, (uint32_t)wr_utf16(w, i->label));
}

static void encode_size(struct wr *w, const struct fs_info *i)
{
	wr_u64(w, i->fs.blocks);
	wr_u64(w, i->fs.blocks_available);
	wr_unit(w, i);
}

static void encode_full_size(struct wr *w, const struct fs_info *i)
{
	wr_u64(w, i->fs.blocks);
	wr_u64(w, i->fs.blocks_available);
	wr_u64(w, i->fs.blocks_free);
	wr_unit(w, i);
}

static void encode_device(struct wr *w, const struct fs_info *i)
{
	uint32_t characteristics = FILE_DEVICE_IS_MOUNTED;

	if (i->fs.read_only)
		characteristics |= FILE_READ_ONLY_DEVICE;
	wr_u32(w, i->pipe ? FILE_DEVICE_NAMED_PIPE : FILE_DEVICE_DISK);
	wr_u32(w, i->pipe ? 0 : characteristics);
}

static void encode_attribute(struct wr *w, const struct fs_info *i)
{
	uint32_t flags = FILE_CASE_PRESERVED_NAMES | FILE_UNICODE_ON_DISK |
			 FILE_PERSISTENT_ACLS | FILE_SUPPORTS_HARD_LINKS |
			 FILE_SUPPORTS_EXTENDED_ATTRIBUTES;
	uint32_t name_max = i->fs.name_max;
	size_t len;

	/* NTFS could search so, if it were asked to, and says it of every volume */
	if (!i->pipe)
		flags |= FILE_CASE_SENSITIVE_SEARCH | FILE_SUPPORTS_SPARSE_FILES |
			 FILE_SUPPORTS_REPARSE_POINTS;
	if (i->named_streams)
		flags |= FILE_NAMED_STREAMS;
	if (i->fs.clones)
		flags |= FILE_SUPPORTS_BLOCK_REFCOUNTING;
	if (i->fs.compresses)
		flags |= FILE_FILE_COMPRESSION;
	if (i->fs.quotas)
		flags |= FILE_VOLUME_QUOTAS;
	if (i->fs.read_only)
		flags |= FILE_READ_ONLY_VOLUME;
	wr_u32(w, flags);
	wr_u32(w, name_max < COMPONENT_UNITS_MAX ? name_max : COMPONENT_UNITS_MAX);
	len = wr_hole_u32(w);
	wr_fill_u32(w, len, (uint32_t)wr_utf16(w, i->fs.fs_name));
}

/* Who has no quota of his own has none: there is no default. What quotas there are, the file system enforces. */
static void encode_control(struct wr *w, const struct fs_info *i)
{
	wr_u64(w, 0);          /* FreeSpaceStartFiltering */
	wr_u64(w, 0);          /* FreeSpaceThreshold */
	wr_u64(w, 0);          /* FreeSpaceStopFiltering */
	wr_u64(w, UINT64_MAX); /* DefaultQuotaThreshold */
	wr_u64(w, UINT64_MAX); /* DefaultQuotaLimit */
	wr_u32(w, i->fs.quotas ? FILE_VC_QUOTA_ENFORCE : 0);
	wr_u32(w, 0); /* Padding */
}

/* A volume of this server: two servers over one file system do not make one volume. */
static void encode_object_id(struct wr *w, const struct fs_info *i)
{
	wr_u64(w, i->fs.volume_id);
	wr_bytes(w, span_of(i->guid, OBJECT_ID_LEN / 2));
	wr_zero(w, EXTENDED_INFO_LEN);
}

/* The block is what the file system writes at once; a client's bytes begin with the file, on a block's first. */
static void encode_sector_size(struct wr *w, const struct fs_info *i)
{
	uint32_t block = i->fs.block_size;
	bool usable = block >= SECTOR && (block & (block - 1)) == 0;
	uint32_t physical = usable ? block : SECTOR;

	wr_u32(w, SECTOR);   /* LogicalBytesPerSector */
	wr_u32(w, physical); /* PhysicalBytesPerSectorForAtomicity */
	wr_u32(w, physical); /* PhysicalBytesPerSectorForPerformance */
	wr_u32(w, physical < PAGE ? physical : PAGE);
	wr_u32(w, SSINFO_FLAGS_ALIGNED_DEVICE | SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE |
			  SSINFO_FLAGS_TRIM_ENABLED);
	wr_u32(w, 0); /* ByteOffsetForSectorAlignment */
	wr_u32(w, 0); /* ByteOffsetForPartitionAlignment */
}

static const struct fs_info_class classes[] = {
	{FileFsVolumeInformation, 24, true, encode_volume},
	{FileFsSizeInformation, 24, false, encode_size},
	{FileFsDeviceInformation, 8, true, encode_device},
	{FileFsAttributeInformation, 16, true, encode_attribute}, /* as Windows: padded */
	{FileFsControlInformation, 48, false, encode_control},
	{FileFsFullSizeInformation, 32, false, encode_full_size},
	{FileFsObjectIdInformation, 64, false, encode_object_id},
	{FileFsSectorSizeInformation, 28, false, encode_sector_size},
};

const struct fs_info_class *fs_info_class(uint8_t class)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].class == class)
			return &classes[i];
	return NULL;
}

bool fs_info_is_class(uint8_t class)
{
	return class >= FileFsVolumeInformation && class <= FileFsSectorSizeInformation;
}

bool fs_info_is_settable(uint8_t class)
{
	switch (class) {
	case FileFsLabelInformation:
	case FileFsControlInformation:
	case FileFsObjectIdInformation:
	case FileFsDriverPathInformation:
	case FileFsVolumeFlagsInformation:
		return true;
	default:
		return false;
	}
}
