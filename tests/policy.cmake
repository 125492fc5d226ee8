# Tests of agent/policy and agent/templates; included by tests/CMakeLists.txt.
foreach(name origins commands globs files names rules approvals)
	cua_unit_test(policy_${name} cua_policy)
endforeach()
cua_unit_test(templates cua_templates)
