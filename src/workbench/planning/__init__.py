"""Planning: what a rate of inspection finds, the lowest that keeps detection, and a path over years."""
