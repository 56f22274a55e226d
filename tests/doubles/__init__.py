"""Stand-ins for packages that need hardware."""
