#include "fs/attr_map.h"

#include "wire/fscc_proto.h"

#include <sys/stat.h>

enum { WRITE_BITS = S_IWUSR | S_IWGRP | S_IWOTH };

static const struct {
	unsigned exec; /* CONF_EXEC_* */
	uint32_t attribute, bit;
} mapped[] = {
	{CONF_EXEC_ARCHIVE, FILE_ATTRIBUTE_ARCHIVE, S_IXUSR},
	{CONF_EXEC_SYSTEM, FILE_ATTRIBUTE_SYSTEM, S_IXGRP},
	{CONF_EXEC_HIDDEN, FILE_ATTRIBUTE_HIDDEN, S_IXOTH},
};

uint32_t attr_map_read(const struct conf_map_attributes *m, uint32_t mode, bool directory,
		       bool dot_name)
{
	uint32_t a = dot_name ? FILE_ATTRIBUTE_HIDDEN : 0;

	if (directory)
		return a;
	if (!(mode & S_IWUSR))
		a |= FILE_ATTRIBUTE_READONLY;
	if (!(m->exec & CONF_EXEC_ARCHIVE))
		a |= FILE_ATTRIBUTE_ARCHIVE;
	for (size_t i = 0; i < ARRAY_LEN(mapped); i++)
		if ((m->exec & mapped[i].exec) && (mode & mapped[i].bit))
			a |= mapped[i].attribute;
	return a;
}

uint32_t attr_map_mode(const struct conf_map_attributes *m, uint32_t mode, bool directory,
		       uint32_t attributes)
{
	if (directory)
		return mode;
	mode = attributes & FILE_ATTRIBUTE_READONLY ? mode & ~(uint32_t)WRITE_BITS
						    : mode | S_IWUSR;
	for (size_t i = 0; i < ARRAY_LEN(mapped); i++) {
		if (!(m->exec & mapped[i].exec))
			continue;
		mode = attributes & mapped[i].attribute ? mode | mapped[i].bit
							: mode & ~mapped[i].bit;
	}
	return mode;
}
