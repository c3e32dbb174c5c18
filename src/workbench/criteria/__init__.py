"""The criteria lab: criteria files checked, back-tested, tuned, mined, approved and put in force."""
