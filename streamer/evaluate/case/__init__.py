"""The e-commerce case: predict high spenders, reach them within a budget, and plan a campaign with provable effects."""
