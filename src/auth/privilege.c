#include "auth/privilege.h"

#include "wire/utf16.h"

static bool is_held_by(const struct conf_privilege *p, const struct principal *who)
{
	switch (p->kind) {
	case CONF_HOLDER_USER:
		return utf8_eq_nocase(p->name, who->user);
	case CONF_HOLDER_GROUP:
		return p->gid != UINT32_MAX && cred_in_group(who->cred, p->gid);
	case CONF_HOLDER_SID:
		return principal_has_sid(who, &p->sid);
	}
	return false;
}

uint32_t privileges_of(const struct conf_privileges *ps, const struct principal *who)
{
	uint32_t held = 0;

	if (who->kind != PRINCIPAL_NAMED)
		return 0;
	for (size_t i = 0; i < ps->count; i++)
		if (is_held_by(&ps->list[i], who))
			held |= ps->list[i].held;
	return held;
}
