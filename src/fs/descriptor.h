/*
 * descriptor.h - how the stored descriptor of a file comes about: at its creation, and by being set.
 *
 * Owns     nothing; what is returned lives in the caller's arena and points into its inputs.
 * Threads  pure.
 * Spec     [MS-DTYP] 2.5.3.4 (creation), [MS-FSA] 2.1.5.17 (setting), 2.1.5.14 (querying)
 */
#pragma once

#include "auth/principal.h"
#include "base/arena.h"
#include "base/status.h"
#include "wire/sd.h"

struct descriptor_new {
	const struct principal *who; /* the creator */
	uint32_t held;               /* enum privilege of his */
	const struct sd *parent;     /* the directory's stored one; NULL: it has none */
	const struct sd *given;      /* SecD; NULL: none */
	bool container;
};

/*
 * The descriptor of a new file: CreateSecurityDescriptor, [MS-DTYP] 2.5.3.4.1. *ret_store is false, and *ret_sd untouched,
 * if the file needs none: nothing was given, and the directory stands without one itself.
 *
 * A SACL comes from what was given alone, and takes PRIVILEGE_SECURITY. Deviation: none is inherited, as none is evaluated.
 *
 * STATUS_INVALID_OWNER: who may not make that one the owner. STATUS_PRIVILEGE_NOT_HELD: it has a SACL.
 * STATUS_INSUFFICIENT_RESOURCES.
 */
MUST_CHECK nt_status descriptor_create(const struct descriptor_new *in, struct arena *a,
				       bool *ret_store, struct sd *ret_sd);

/*
 * `now` with those parts of `given` that `parts` names (OWNER_, GROUP_, DACL_, SACL_SECURITY_INFORMATION). An owner or group that
 * is not in `given` stays; a DACL that is not becomes a NULL one, which forbids nothing: as in Windows.
 *
 * STATUS_INVALID_OWNER as above; the present owner may stay. STATUS_INSUFFICIENT_RESOURCES.
 */
MUST_CHECK nt_status descriptor_set(const struct principal *who, uint32_t held,
				    const struct sd *now, const struct sd *given,
				    uint32_t parts, struct arena *a, struct sd *ret_sd);

/* Only those parts of it. */
struct sd descriptor_parts(const struct sd *sd, uint32_t parts);

/* As it is stored. STATUS_INVALID_SECURITY_DESCR if it is too long to be. */
MUST_CHECK nt_status descriptor_encode(const struct sd *sd, struct arena *a,
				       struct span *ret_bytes);
