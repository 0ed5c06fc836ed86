# Counts the cases in the output of a cmocka program in TAP: prints "PASSED
# FAILED SKIPPED". What the tested code itself printed may stand before "ok" on
# its line. A case that was planned and never reported has failed: the program
# died in it.
/^#/ { next }
/(^|[^0-9])1\.\.[0-9]+$/ { sub(/.*1\.\./, ""); planned += $0; next }
/(not )?ok [0-9]+ # SKIP / { skipped++; next }
/not ok [0-9]+ - / { failed++; next }
/ok [0-9]+ - / { passed++ }
END {
    reported = passed + failed + skipped
    if (planned > reported)
        failed += planned - reported
    print passed + 0, failed + 0, skipped + 0
}
