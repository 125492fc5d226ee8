# Installs what the tests of the MCP client need of npm into a folder, once, and goes there, with its
# programs in PATH. To be read by a script with `here` and `folder` set.
mkdir -p "$folder"
(
	flock 9
	if ! cmp -s "$here/package.json" "$folder/installed.json"; then
		cp "$here/package.json" "$folder/package.json"
		cd "$folder"
		# The suite wants Node 22; where there is an older one, npm has that, too.
		newer=
		node -e 'process.exit(process.versions.node.split(".")[0] >= 22 ? 0 : 1)' ||
			newer=node-$(node -p 'process.platform + "-" + process.arch')@22
		npm install --ignore-scripts --no-audit --no-fund --no-package-lock >npm.log 2>&1 &&
			{ test -z "$newer" || npm install --no-save --ignore-scripts --no-audit --no-fund \
				--no-package-lock "$newer" >>npm.log 2>&1; } || {
			cat npm.log >&2
			exit 1
		}
		cp "$here/package.json" installed.json
	fi
) 9>"$folder/lock"
cd "$folder"
for bin in node_modules/node-*/bin node_modules/.bin; do
	PATH=$PWD/$bin:$PATH
done
export PATH
