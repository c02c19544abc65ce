"""What people must look at before it counts: deliveries of revoked phones, and packages that were set aside."""
