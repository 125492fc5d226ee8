# Tests of agent/policy; included by tests/CMakeLists.txt.
foreach(name origins commands files rules approvals)
	cua_unit_test(policy_${name} cua_policy)
endforeach()
